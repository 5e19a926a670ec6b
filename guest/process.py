"""Runs a step of a job as a forked child: in its own root, as an unprivileged user, its output pumped to the log.

A child is forked from the warm agent instead of started anew: under emulation a cold interpreter costs more than
most steps (docs/decisions/0005-warm-interpreter.md).
"""

import atexit
import ctypes
import json
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections import namedtuple

import kernel
import seccomp

USER = 1000
TAIL_BYTES = 16384
REPORT_BYTES = 262144
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4  # prctl(2)

limits = {"processes": 0, "filtered": False}

Ports = namedtuple("Ports", "log phase output service")
# exit: as a shell counts it (128 + signal). value: what the action returned, None when it did not. message: one line.
End = namedtuple("End", "exit value message tail timed_out")


def run(action, *, root, log, directory="/", environment=None, privileged=False, seconds=None):
    """Runs `action()` in a child chrooted into `root`; its JSON value, exit status and last output come back.

    Nothing of the step survives it: all processes are killed before this returns.
    """
    output_read, output_write = os.pipe()
    report_read, report_write = os.pipe()
    os.fchown(output_write, user_id(privileged), -1)  # /dev/stdout can be opened again by its user
    child = os.fork()
    if child == 0:
        become(action, root, directory, environment or {}, privileged, output_write, report_write)
    os.close(output_write)
    os.close(report_write)
    status, tail, report, timed_out = pump(child, output_read, report_read, log, seconds)
    os.close(output_read)
    os.close(report_read)
    exit_status = shell_status(status)
    value, message = read_report(report)
    if timed_out:
        message = "stopped after %g s" % seconds
    elif not message and exit_status:
        message = last_line(tail) or "ended with status %d" % exit_status
    return End(exit_status, value, message, tail, timed_out)


def shell_status(status):
    """A wait status as a shell counts it."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def command(arguments):
    """An action that becomes a program."""

    def start():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try:
            os.execve(arguments[0], arguments, os.environ)
        except OSError as error:
            os.write(2, ("%s: %s\n" % (arguments[0], error.strerror)).encode("utf-8", "backslashreplace"))
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)  # as a shell says it

    return start


def pump(child, output, report, log, seconds):
    """Forwards output until the child ended, reaps orphans meanwhile, then kills what is left."""
    deadline = None if seconds is None else time.monotonic() + seconds
    kept = {output: b"", report: b""}

    def take(descriptor):
        data = read_some(descriptor)
        if data and descriptor == output:
            log(data)
            kept[output] = (kept[output] + data)[-TAIL_BYTES:]
        elif data:
            kept[report] = (kept[report] + data)[: REPORT_BYTES + 1]
        return data

    poll = select.poll()
    ended = os.pidfd_open(child)
    for descriptor in (output, report, ended):
        os.set_blocking(descriptor, False)
        poll.register(descriptor, select.POLLIN)
    status, timed_out = None, False
    while status is None:
        left = 1000 if deadline is None else min(1000, max(0, (deadline - time.monotonic()) * 1000))
        for descriptor, _ in poll.poll(left):
            if descriptor != ended and take(descriptor) == b"":
                poll.unregister(descriptor)
        if deadline is not None and not timed_out and time.monotonic() >= deadline:
            timed_out = True
            kernel.kill_all(child)
        status = reap(child)
    os.close(ended)
    kernel.kill_all(child)
    while reap(None) is not None:
        pass
    while take(output) or take(report):
        pass
    return status, kept[output], kept[report], timed_out


def read_some(descriptor):
    """Bytes, b"" at the end, None when there are none now."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return None


def reap(child):
    """Collects ended processes (we are the parent of every orphan); gives the child's status once it is among them.
    Without a child: waits for all of them and gives None when there is none left."""
    result = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG if child is not None else 0)
        except ChildProcessError:
            return result
        if pid == 0:
            return result
        if pid == child:
            result = status


def read_report(data):
    try:
        report = json.loads(data) if 0 < len(data) <= REPORT_BYTES else {}
        message = report.get("message", "")
        return report.get("value"), message if isinstance(message, str) else ""
    except (ValueError, AttributeError):
        return None, "the step's report cannot be read"


def become(action, root, directory, environment, privileged, output, report):
    """The child's life. Never returns."""
    exit_status = 1
    try:
        os.setsid()
        take_descriptors(output, report)
        os.chroot(root)
        os.chdir("/")
        if not privileged:
            drop_privileges()
        os.umask(0o022)
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        exit_status, told = perform(action)
        send_report(told)
    except BaseException as error:  # noqa: BLE001 - nothing may lead back into the agent's own life
        exit_status = 1
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        send_report({"message": one_line(error)})
    finally:
        os._exit(exit_status)


def perform(action):
    """Exit status and report of an action, which may end the interpreter or raise anything."""
    try:
        outcome = 0, {"value": action()}
    except SystemExit as end:
        outcome = 1, {"message": one_line("SystemExit: %s" % (end.code,))}
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
    except BaseException as error:  # noqa: BLE001 - whatever a hook raises is its failure
        sys.stderr.write(traceback.format_exc())
        outcome = 1, {"message": one_line(error)}
    # What Python does at its end: waits for threads, runs atexit, empties its buffers.
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return outcome


REPORT_DESCRIPTOR = 3


def take_descriptors(output, report):
    null = os.open("/dev/null", os.O_RDONLY)
    kept = os.dup(report), os.dup(output), os.dup(null)  # above 5, whatever came in
    os.dup2(kept[2], 0)
    os.dup2(kept[1], 1)
    os.dup2(kept[1], 2)
    os.dup2(kept[0], REPORT_DESCRIPTOR, inheritable=False)
    os.closerange(REPORT_DESCRIPTOR + 1, 4096)


def send_report(report):
    data = json.dumps(report).encode("ascii")
    while data:
        data = data[os.write(REPORT_DESCRIPTOR, data) :]


def user_id(privileged=False):
    """Our unprivileged user; 0 in a driver whose user namespace holds a single user."""
    if privileged or os.getuid() != 0:
        return os.getuid()
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [[int(word) for word in line.split()] for line in file]
    return USER if any(first <= USER < first + count for first, _, count in ranges) else 0


def drop_privileges():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    user = user_id()
    if os.getuid() == 0:
        for capability in range(64):
            if kernel.libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                break
        if user:
            os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    kernel.libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    no_capabilities()
    if kernel.libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError("no_new_privs cannot be set")
    if limits["filtered"]:
        seccomp.install()
    if limits["processes"] and user:
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"],) * 2)


def no_capabilities():
    """capset(2) with nothing: user 0 of a single-user namespace keeps its capabilities otherwise."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if kernel.libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def one_line(error):
    """`ValueError: what it said`, on one line, bounded."""
    text = error if isinstance(error, str) else "%s: %s" % (type(error).__name__, error)
    return " ".join(text.split())[:500]


def last_line(tail):
    lines = [line.strip() for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""
