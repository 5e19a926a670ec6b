"""Attacks on what a host has: processes, memory, disk, processors, the machine's own life."""

import ctypes
import errno
import mmap
import os
import signal
import time

import kernel


def fork_bomb(guest):
    guest.ready()
    while True:
        try:
            os.fork()
        except OSError:
            pass


def all_memory(guest):
    """Writes to every page that the guest's kernel gives; a child does, so that what the kernel kills is not the guest's first process."""
    guest.ready()
    eat(guest)
    guest.result()


def eat(guest):
    """A child writes until the kernel ends it; the log tells how far it came."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
        held = []
        while True:
            held.append(mmap.mmap(-1, 1 << 20))
            for page in range(0, 1 << 20, 4096):
                held[-1][page : page + 8] = b"attacker"
            os.write(writer, b".")
    os.close(writer)
    written = 0
    while data := os.read(reader, 65536):
        written += len(data)
        guest.log.write(b"wrote %d MiB\n" % written)
    os.waitpid(child, 0)
    os.close(reader)


def fill_disks(guest):
    """Writes to every file system until it takes no more, their bounds lifted first."""
    guest.ready()
    child = os.fork()
    if child == 0:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
        for place in ("/tmp", "/dev/shm", "/run", "/rennet/job"):
            try:
                kernel.mount(None, place, None, kernel.MS_REMOUNT, "size=100%")
                fill(guest, place)
            except OSError:
                pass
        os._exit(0)
    os.waitpid(child, 0)
    guest.result()


def fill(guest, place):
    with open(os.path.join(place, "full"), "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 8388608)
            guest.log.write(b"filled %d MiB\n" % (file.tell() >> 20))


def tiny_files(guest):
    """Makes ten million files in ten thousand folders, as long as it is let; facts say how many."""
    guest.ready()
    number = 0
    try:
        for number in range(10_000_000):
            folder = "/tmp/%d" % (number // 1000)
            if number % 1000 == 0:
                os.mkdir(folder)
                guest.log.write(b".")
            os.close(os.open("%s/%d" % (folder, number), os.O_CREAT | os.O_WRONLY))
    except OSError as error:
        guest.result(facts={"files": number, "error": errno.errorcode[error.errno]})


def power_off_at_hello(guest):
    kernel.power_off(0)


def power_off(guest):
    guest.ready()
    kernel.power_off(0)


def panic(guest, seconds):
    """Ends the guest's kernel; `seconds`: after how many it restarts, 0 for never."""
    guest.ready()
    with open("/proc/sys/kernel/panic", "w", encoding="ascii") as file:
        file.write(str(seconds))
    with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
        file.write("c")


def reboot(guest):
    guest.ready()
    kernel.libc.reboot(0x01234567)  # RB_AUTOBOOT


def reboot_at_hello(guest):
    kernel.libc.reboot(0x01234567)


def kill_all(guest):
    guest.ready()
    os.kill(-1, signal.SIGKILL)
    time.sleep(1)
    guest.result()


def halt_processor(guest):
    """Real-time priority on every processor, interrupts of no use to anyone else."""
    guest.ready()
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
    with open("/proc/sys/kernel/sched_rt_runtime_us", "w", encoding="ascii") as file:
        file.write("-1")
    while True:
        ctypes.c_int()


def flood_console(guest, lines):
    """The kernel's console is ISA serial: slow, and read by the host besides the channels."""
    guest.ready()
    with open("/dev/ttyS0", "wb", buffering=0) as console:
        for _ in range(lines):
            console.write(b"\x1b[2J\x1b]0;owned\x07" + b"x" * 60 + b"\n")
    guest.result()
