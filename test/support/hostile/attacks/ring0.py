"""Code of the attacker's own in ring 0: kexec gives it the whole machine, no kernel below it."""

import ctypes
import random
import struct

import kernel

PLACE, PAGE = 0x1000000, 4096
KEXEC_LOAD, REBOOT_KEXEC = 246, 0x45584543  # amd64; reboot(2)

# 64-bit code at PLACE. Behind each part what it does; in all of them rbx is where to go on after an exception, r12d the noise (a linear congruence).
CODE = bytes.fromhex(
    "fa"  # cli
    "b800200001 0f20e1 0fbae10c 7305 b800600001 0f22d8"  # cr3, by four levels or five: all addresses as they are, registers of devices too
    "bc00200001 0f01142500100001 0f011c2510100001"  # stack, GDT and IDT of our own
    "448b242520100001"  # the seed
    "bf0000e0fe 81ff0003e0fe 7421 488d1d1a000000 8b07 4569e40d661900 4181c45ff36e3c 4181e4fff8ffff 448927 83c704 81ff0010e0fe 75cc"  # local APIC, but the register that sends, and no SMI: that never comes back
    "bf0000c0fe 31c9 488d1d17000000 890f 8b4710 4569e40d661900 4181c45ff36e3c 44896710 ffc1 f6c1ff 75db"  # all 256 indices of the I/O APIC
    "be40100001 8b0e 8b6e04 83c608 85ed 742c"  # the next range of model-specific registers
    "488d1d1d000000 0f32 81f9800000c0 7413 4569e40d661900 4181c45ff36e3c 4489e0 0f30 ffc1 39e9 76d6 ebc8"  # rdmsr, and wrmsr but of EFER
    "833c252410000101 7236 772b"  # to rest, on, or to the fault
    "488d1d24000000 b9170101c0 31d2 b800400001 0f30 b9800000c0 0f32 0d00100000 0f30"  # where SVM saves its host, SVM on
    "b800500001 0f01d8"  # vmrun with controls of noise
    "0f011c2530100001 cc"  # no IDT, and an exception: a triple fault
    "f4 ebfd"  # rest: hlt
)
HANDLER_AT = 0x180
HANDLER = bytes.fromhex("bc00200001 ffe3")  # stack as at first; on at rbx
REGISTERS = (
    (0, 0x1FFF),
    (0x40000000, 0x400001FF),  # of Hyper-V
    (0x4B564D00, 0x4B564DFF),  # of KVM
    (0xC0000000, 0xC0001FFF),
    (0xC0010000, 0xC0011FFF),
)


class Segment(ctypes.Structure):
    _fields_ = [
        ("buffer", ctypes.c_void_p),
        ("buffer_size", ctypes.c_size_t),
        ("place", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
    ]


END = {"rest": 0, "machine": 1, "fault": 2}


def noise(guest, seed, end):
    """Writes noise to interrupt controllers and model-specific registers. Then rests, faults without an IDT, or starts a machine in the machine
    (SVM) from controls of noise and faults."""
    guest.ready()
    image = pages(random.Random(seed), seed, END[end])
    buffer = ctypes.create_string_buffer(image, len(image))
    segment = Segment(ctypes.addressof(buffer), len(image), PLACE, len(image))
    if kernel.libc.syscall(KEXEC_LOAD, ctypes.c_ulong(PLACE), ctypes.c_ulong(1), ctypes.byref(segment), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "kexec_load")
    kernel.libc.reboot(REBOOT_KEXEC)
    raise OSError(ctypes.get_errno(), "reboot")


def pages(chance, seed, end):
    """Code, tables, two levels of page tables (huge pages of 1 GiB), the host's state for SVM, a VMCB, and one more level."""
    code = CODE.ljust(HANDLER_AT, b"\0") + HANDLER
    gate = (PLACE + HANDLER_AT, 8)
    tables = {
        0x00: struct.pack("<HQ", 0x17, PLACE + PAGE + 0x100),
        0x10: struct.pack("<HQ", 32 * 16 - 1, PLACE + PAGE + 0x800),
        0x20: struct.pack("<II", seed, end),
        0x40: b"".join(struct.pack("<II", *numbers) for numbers in REGISTERS),
        0x100: struct.pack("<QQQ", 0, 0x00AF9A000000FFFF, 0x00CF92000000FFFF),
        0x800: struct.pack("<HHBBHII", gate[0] & 0xFFFF, gate[1], 0, 0x8E, gate[0] >> 16 & 0xFFFF, 0, 0) * 32,
    }
    page = bytearray(PAGE)
    for at, data in tables.items():
        page[at : at + len(data)] = data
    fifth, top = (struct.pack("<Q", PLACE + number * PAGE | 3) for number in (2, 3))
    huge = b"".join(struct.pack("<Q", number << 30 | 0x83) for number in range(512))
    controls = bytearray(chance.randbytes(PAGE))
    controls[0x10] |= 1  # else the processor refuses at once
    parts = (code, bytes(page), top, huge, b"", bytes(controls), fifth)
    return b"".join(part.ljust(PAGE, b"\0") for part in parts)
