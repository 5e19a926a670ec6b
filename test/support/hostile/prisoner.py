"""A program in the place of QEMU, in QEMU's own jail: what an attacker would try who has taken QEMU over.

Usage: prisoner.py JSON, with what lies outside: `paths`, `tcp`, `abstract`, `pid`. Writes one JSON object to standard error: what was tried, and
`refused ERRNO` or what came of it. QEMU itself would have its own filter of system calls (-sandbox) beside the jail's; here there is none.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import sys

outside = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
found = {"descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]}  # the last is the listing itself
found["root"] = sorted(os.listdir("/"))
MEMORY = "/proc/self/fd/8"
ADD_KEY, KEYCTL = 248, 250


def attempt(name, action):
    try:
        found[name] = "done: %r" % (action(),)
    except OSError as error:
        found[name] = "refused " + errno.errorcode.get(error.errno, str(error.errno))
    except (PermissionError, ValueError) as error:
        found[name] = "refused " + type(error).__name__


def call(name, *arguments):
    def action():
        ctypes.set_errno(0)
        result = getattr(libc, name)(*arguments)
        if result == -1:
            raise OSError(ctypes.get_errno(), name)
        return result

    return action


def write_to(path, flags=os.O_WRONLY):
    def action():
        descriptor = os.open(path, flags)
        return os.write(descriptor, b"owned")

    return action


def in_child(action):
    """What would change this process for good is tried in a child; errors come back as numbers."""

    def run():
        child = os.fork()
        if child == 0:
            try:
                action()
                os._exit(0)
            except OSError as error:
                os._exit(min(error.errno, 255))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            raise OSError(abs(status), "in a child")
        return "in a child"

    return run


def connect(family, address):
    def action():
        with socket.socket(family) as attempted:
            attempted.settimeout(1)
            attempted.connect(address)

    return action


def shared_mapping(descriptor, protection):
    return mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, protection)


def make_writable():
    """A shared mapping for reading that is made writable afterwards."""
    address = libc.mmap(None, 4096, 1, 1, 8, ctypes.c_long(0))
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return call("mprotect", ctypes.c_void_p(address), 4096, 3)()


def remove_pages():
    address = libc.mmap(None, 4096, 1, 1, 8, ctypes.c_long(0))
    return call("madvise", ctypes.c_void_p(address), 4096, 9)()  # MADV_REMOVE


libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

for path in ["/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/tmp", "/run", "/sys", "/boot", *outside["paths"]]:
    attempt("open " + path, lambda path=path: os.open(path, os.O_RDONLY))
for path in ("/kernel", "/initrd", "/base.ext4", "/input.squashfs"):
    attempt("write " + path, write_to(path))
    attempt("truncate " + path, lambda path=path: os.truncate(path, 0))
    attempt("chmod " + path, lambda path=path: os.chmod(path, 0o777))
    attempt("unlink " + path, lambda path=path: os.unlink(path))
    attempt("rename " + path, lambda path=path: os.rename(path, "/other"))
    attempt("write behind " + path, write_to("/proc/self/root" + path))
attempt("make a file", write_to("/file", os.O_CREAT | os.O_WRONLY))
attempt("make a large file in /dev/shm", write_to("/dev/shm/file", os.O_CREAT | os.O_WRONLY))
attempt("make a device", lambda: os.mknod("/dev/shm/mem", 0o020666, os.makedev(1, 1)))
for path in ("/dev/mem", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/net/tun"):
    attempt("open " + path, lambda path=path: os.open(path, os.O_RDWR))
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches", "/proc/1/oom_score_adj"):
    attempt("write " + path, write_to(path))
for path in ("/proc/1/mem", "/proc/kcore", "/proc/1/environ", "/proc/1/root/etc"):
    attempt("open " + path, lambda path=path: os.open(path, os.O_RDONLY))

attempt("setuid", in_child(lambda: os.setuid(0)))
attempt("setgid", in_child(lambda: os.setgid(0)))
attempt("setgroups", in_child(lambda: os.setgroups([0])))
attempt("mount", call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", 0, None))
attempt("remount", call("mount", None, b"/base.ext4", None, ctypes.c_ulong(32 | 4096), None))
attempt("unmount", call("umount2", b"/base.ext4", 2))
attempt("chroot", lambda: os.chroot("/dev"))
attempt("unshare network", in_child(call("unshare", 0x40000000)))
attempt("unshare mounts", in_child(call("unshare", 0x00020000)))
attempt("enter namespaces of 1", in_child(lambda: call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)()))
attempt("ptrace 1", call("ptrace", 0x4206, 1, 0, 0))  # PTRACE_SEIZE: does not stop it
attempt("read memory of 1", lambda: os.pidfd_open(outside["pid"]))
attempt("kill outside", lambda: os.kill(outside["pid"], signal.SIGKILL))
attempt("load a module", call("syscall", 175, b"", 0, b""))
attempt("reboot", call("reboot", 0x01234567))
attempt("swap", call("swapoff", b"/x"))
attempt("set the clock", call("syscall", 227, 0, ctypes.byref((ctypes.c_long * 2)(0, 0))))
attempt("set the host's name", in_child(lambda: socket.sethostname("owned")))
attempt("bpf", call("syscall", 321, 0, None, 0))
for ring, name in ((-3, "session"), (-4, "user"), (-5, "user's session")):
    attempt("look at the keyring of the " + name, call("syscall", KEYCTL, 6, ring, None, 0))
    attempt("search the keyring of the " + name, call("syscall", KEYCTL, 10, ring, b"user", b"rennet-test", 0))
attempt("add a key", call("syscall", ADD_KEY, b"user", b"rennet-test", b"owned", 5, -3))
attempt("io_uring", call("syscall", 425, 1, ctypes.create_string_buffer(120)))
attempt("userfaultfd", call("syscall", 323, 1))
attempt("namespace of users", in_child(call("unshare", 0x10000000)))
attempt("raise a limit", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)))
attempt("raise the limit of files", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)))

attempt("tcp to the host", connect(socket.AF_INET, ("127.0.0.1", outside["tcp"])))
attempt("tcp outwards", connect(socket.AF_INET, ("192.0.2.1", 80)))
attempt("abstract socket", connect(socket.AF_UNIX, b"\0" + outside["abstract"].encode()))
attempt("raw socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
for path in outside["sockets"]:
    attempt("connect " + path, connect(socket.AF_UNIX, path))

for name, flags in (("as given", None), ("opened for reading", os.O_RDONLY), ("opened for writing", os.O_RDWR)):
    try:
        memory = 8 if flags is None else os.open(MEMORY, flags)
    except OSError as error:
        found["template " + name] = "refused " + errno.errorcode[error.errno]
        continue
    attempt("template write, " + name, lambda: os.pwrite(memory, b"owned", 0))
    attempt("template map, " + name, lambda: shared_mapping(memory, mmap.PROT_READ | mmap.PROT_WRITE))
    attempt("template shrink, " + name, lambda: os.ftruncate(memory, 0))
    attempt("template grow, " + name, lambda: os.ftruncate(memory, 1 << 30))
    attempt("template punch, " + name, call("fallocate", memory, 3, ctypes.c_long(0), ctypes.c_long(4096)))
    attempt("template fill, " + name, call("fallocate", memory, 0, ctypes.c_long(0), ctypes.c_long(4096)))
    attempt("template seal, " + name, lambda: call("fcntl", memory, 1033, 0)())
    attempt("template mode, " + name, lambda: os.fchmod(memory, 0))
attempt("template made writable", make_writable)
attempt("template pages removed", remove_pages)

found["uid"] = os.getuid()
found["processes"] = len([name for name in os.listdir("/proc") if name.isdigit()])
with open("/proc/self/status", encoding="ascii") as file:
    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
found["status"] = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")}
sys.stderr.write(json.dumps(found))
