"""What the agent asks of the kernel: mounts, randomness, clock, identity, the input disk, power."""

import binascii
import ctypes
import fcntl
import os
import signal
import socket
import struct
import time

libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MNT_DETACH = 2
RNDADDENTROPY, RNDRESEEDCRNG, BLKFLSBUF = 0x40085203, 0x5207, 0x1261  # random(4), linux/fs.h
POWER_OFF = 0x4321FEDC  # reboot(2)
PER_LINUX32 = 0x0008  # personality(2)
INPUT_SERIAL, MIRROR_SERIAL = "rennet-in", "rennet-mirror"

disks = {}


def mount(source, target, kind=None, flags=0, data=None):
    def text(value):
        return None if value is None else os.fsencode(value)

    if libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "mount: " + os.strerror(error), target)


def match_personality():
    """Where the root is of 32 bits and the kernel of 64, uname says i686 from here on, as it would on a machine of the
    target: build systems ask it for what to compile (linux32(1) does the same)."""
    if struct.calcsize("P") == 4 and os.uname().machine == "x86_64" and libc.personality(PER_LINUX32) == -1:
        raise OSError(ctypes.get_errno(), "the personality cannot be set")


def unmount(target):
    """With all that is mounted below it."""
    if libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), "%s cannot be unmounted" % target)


def prepare_machine(virtual, disk_size):
    """Mounts what the first process of a machine finds missing, and what takes all that a job writes: a tmpfs, or the disk itself."""
    match_personality()
    if virtual:
        for source, target, flags in (
            ("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC),
            ("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY),
            ("devtmpfs", "/dev", MS_NOSUID),
            ("tmpfs", "/tmp", MS_NOSUID | MS_NODEV),
            ("tmpfs", "/run", MS_NOSUID | MS_NODEV),
        ):
            os.makedirs(target, exist_ok=True)
            if not os.path.ismount(target):
                mount(source, target, source, flags)
    if os.path.isdir("/rennet/host"):  # where launch.sh of the namespace driver left the host's own root
        unmount("/rennet/host")
        os.rmdir("/rennet/host")
    os.makedirs("/rennet/in", exist_ok=True)
    os.makedirs("/rennet/job", exist_ok=True)
    if virtual and owns_disk():
        return  # what a job writes goes to this guest's own disk (guest/init)
    mount("tmpfs", "/rennet/job", "tmpfs", MS_NOSUID, "mode=0755,size=" + disk_size)


def owns_disk():
    with open("/proc/cmdline", encoding="ascii", errors="replace") as file:
        return "rennet.disk" in file.read().split()


def reseed(random_base64, virtual):
    """Mixes the host's bytes into the pool and reseeds. Clones of one memory share their randomness before (MACHINES.md)."""
    if not virtual:
        return True  # the kernel, and so its randomness, is the host's
    data = binascii.a2b_base64(random_base64)
    with open("/dev/urandom", "wb", buffering=0) as device:
        fcntl.ioctl(device, RNDADDENTROPY, struct.pack("ii", len(data) * 8, len(data)) + data)
        fcntl.ioctl(device, RNDRESEEDCRNG)
    return True


def set_clock(seconds, virtual):
    if virtual:
        time.clock_settime(time.CLOCK_REALTIME, float(seconds))


def set_identity(machine_id, host_name, virtual):
    try:
        with open("/etc/machine-id", "wb", buffering=0) as file:
            file.write(machine_id.encode() + b"\n")
        socket.sethostname(host_name)
    except OSError:
        if virtual:
            raise


def find_disk(serial):
    """The block device with one of our serials; None where there is none. All are looked for at once, and those of a template are its clones'."""
    if INPUT_SERIAL not in disks:
        for name in sorted(os.listdir("/sys/block")) if os.path.isdir("/sys/block") else []:
            try:
                with open("/sys/block/%s/serial" % name, encoding="ascii") as file:
                    disks[file.read().strip()] = "/dev/" + name
            except OSError:
                continue
    return disks.get(serial)


def forget_disks(virtual):
    """Drops cached blocks: in a template they are those of an empty placeholder, and of what the mirror was then."""
    for serial in (INPUT_SERIAL, MIRROR_SERIAL) if virtual else ():
        disk = find_disk(serial)
        if disk:
            with open(disk, "rb", buffering=0) as device:
                fcntl.ioctl(device, BLKFLSBUF)


def mount_input(virtual):
    if os.path.ismount("/rennet/in") or not virtual:
        return
    mount(serial_disk(INPUT_SERIAL), "/rennet/in", "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV)


def mount_mirror(place):
    """The operator's mirror, whichever file system it lies in."""
    disk = serial_disk(MIRROR_SERIAL)
    os.makedirs(place)
    for kind in ("squashfs", "ext4"):
        try:
            return mount(disk, place, kind, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        except OSError as error:
            failure = error
    raise OSError("the disk of the mirror holds neither squashfs nor ext4: %s" % failure)


def serial_disk(serial):
    disk = find_disk(serial)
    if disk is None:
        raise OSError("no disk with the serial %s" % serial)
    return disk


def kill_all(leader):
    """Ends everything that a step left running: all processes of the machine where we are its first one."""
    try:
        if os.getpid() == 1:
            os.kill(-1, signal.SIGKILL)
        else:
            os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def power_off(status):
    """Ends the machine; in a driver without one, ends the process."""
    if os.getpid() == 1:
        kill_all(1)
        libc.sync()
        libc.reboot(POWER_OFF)
    os._exit(status)
