"""Attacks on what lies outside: the clock, the network, the disks, the guest before."""

import base64
import errno
import mmap
import os
import socket
import struct
import time

import kernel


def set_clock(guest, seconds):
    """Sets its clock after it was accepted, and goes on as if nothing were."""
    guest.ready()
    time.clock_settime(time.CLOCK_REALTIME, seconds)
    guest.result(facts={"clock": int(time.time())})


def network_sweep(guest, ports):
    """Looks for anything that answers: interfaces, addresses, sockets of every family."""
    guest.ready()
    up_loopback()
    reached, families = [], []
    addresses = ["10.0.2.2", "10.0.2.3", "169.254.169.254", "192.168.0.1", "172.17.0.1", "1.1.1.1", "127.0.0.1"]
    for address in addresses:
        for port in ports:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
                attempt.settimeout(0.2)
                if attempt.connect_ex((address, port)) == 0:
                    reached.append("%s:%d" % (address, port))
    for name, family, address in (
        ("vsock", 40, (2, 1)),
        ("abstract", socket.AF_UNIX, b"\0rennet"),
        ("ipv6", socket.AF_INET6, ("fe80::1", 80)),
    ):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as attempt:
                attempt.settimeout(0.2)
                attempt.connect(address)
                families.append(name)
        except OSError:
            pass
    interfaces = sorted(os.listdir("/sys/class/net"))
    guest.result(facts={"reached": reached, "families": families, "interfaces": interfaces})


def up_loopback():
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP


def write_disks(guest):
    """Writes to the disks through the kernel: as devices, with their read-only mark taken off, and by mounting them anew."""
    import fcntl

    guest.ready()
    refused = {}
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith("vd"):
            continue
        device = "/dev/" + name
        refused[name] = []
        try:
            with open(device, "rb", buffering=0) as disk:
                fcntl.ioctl(disk, 0x125D, struct.pack("i", 0))  # BLKROSET: the guest's own mark
        except OSError as error:
            refused[name].append("mark " + errno.errorcode[error.errno])
        try:
            descriptor = os.open(device, os.O_RDWR | os.O_SYNC)
            for offset in (0, 1 << 20):
                os.pwrite(descriptor, b"owned" * 1000, offset)
            os.fsync(descriptor)
            os.close(descriptor)
            refused[name].append("written")
        except OSError as error:
            refused[name].append("write " + errno.errorcode[error.errno])
        for call, argument in ((0x1277, (0, 1 << 20)), (0x127F, (0, 1 << 20))):  # BLKDISCARD, BLKZEROOUT
            try:
                with open(device, "rb+", buffering=0) as disk:
                    fcntl.ioctl(disk, call, struct.pack("QQ", *argument))
            except OSError as error:
                refused[name].append("%x %s" % (call, errno.errorcode[error.errno]))
    try:
        kernel.mount(None, "/run/rennet/base", None, kernel.MS_REMOUNT)
        with open("/run/rennet/base/owned", "w", encoding="ascii") as file:
            file.write("owned")
        os.sync()
    except OSError as error:
        refused["base"] = errno.errorcode[error.errno]
    guest.result(facts=refused)


def plant(guest, canary, mib):
    """Leaves a canary in memory, on every file system and, if it can, on the disks."""
    guest.ready()
    mark = bytes(255 - byte for byte in base64.b64decode(canary))
    held = []
    try:
        for _ in range(mib):
            held.append(mmap.mmap(-1, 1 << 20))
            held[-1].write(mark * ((1 << 20) // len(mark)))
    except (MemoryError, OSError):
        pass
    for place in ("/tmp", "/dev/shm", "/run", "/root", "/rennet/job"):
        with open(os.path.join(place, "canary"), "wb") as file:
            file.write(mark * 1000)
    for name in ("vda", "vdb"):
        try:
            descriptor = os.open("/dev/" + name, os.O_RDWR)
            os.pwrite(descriptor, mark * 1000, 0)
            os.fsync(descriptor)
        except OSError:
            pass
    guest.log.write(mark * 10)
    guest.result(facts={"MiB": len(held)})


def search(guest, canary, whole, planted):
    """Looks for the canary of an earlier guest in all memory (as the kernel's image of it) and on all disks."""
    guest.ready()
    mark = bytes(255 - byte for byte in base64.b64decode(canary))
    if planted:  # shows that this search finds what is there
        held = mmap.mmap(-1, 1 << 20)
        held.write(mark * 1000)
    found = {"memory": 0, "disks": 0, "readMiB": 0}
    for size, offset in memory_ranges():
        found["readMiB"] += size >> 20
        found["memory"] += count("/proc/kcore", mark, offset, size)
    for name in ("vda", "vdb"):
        with open("/sys/block/%s/size" % name, encoding="ascii") as file:
            size = int(file.read()) * 512
        found["disks"] += count("/dev/" + name, mark, 0, size if whole else min(size, 64 << 20))
    guest.result(facts=found)


def memory_ranges():
    """Size and offset of the parts of /proc/kcore that are RAM in the kernel's direct map, by its ELF headers."""
    with open("/proc/kcore", "rb") as core:
        header = core.read(64)
        entry, entries = struct.unpack_from("<HH", header, 54)
        core.seek(struct.unpack_from("<Q", header, 32)[0])
        for _ in range(entries):
            kind, _flags, offset, virtual, physical, size = struct.unpack_from("<IIQQQQ", core.read(entry))
            if kind == 1 and physical != 2**64 - 1 and virtual < 0xFFFFFFFF80000000:
                yield size, offset


def count(path, mark, offset, size):
    """How often `mark` lies twice in a row in a stretch of a file: once alone it lies in the memory of this search itself."""
    found, piece = 0, 1 << 20
    descriptor = os.open(path, os.O_RDONLY)
    for at in range(offset, offset + size, piece):
        try:
            data = os.pread(descriptor, min(piece, offset + size - at), at)
        except OSError:
            continue
        place = data.find(mark)
        while place >= 0:
            found += data.startswith(mark, place + len(mark))
            place = data.find(mark, place + len(mark))
    os.close(descriptor)
    return found
