"""A filter of system calls for package code where the kernel is the host's own (no virtual machine): what no build needs,
and what most holes of kernels were reached by. Docker's default profile is the model; seccomp(2), bpf of linux/filter.h.
The list is refused-calls.json; src/machine/qemu/system-calls.ts makes the same filter of it for QEMU's jail."""

import ctypes
import json
import os
import struct

import kernel

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CLONE_NEWUSER = 0x10000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of 32 bits
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050001, 0x00050026  # else EPERM; ENOSYS, so that libc falls back
FIRST_X32 = 0x40000000
CLONE3 = 435

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "refused-calls.json"), encoding="utf-8") as calls:
    CALLS = json.load(calls)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def program(machine):
    """Each line: operation, jump if true, jump if false, operand."""
    lines = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, machine["audit"]), (RETURN, 0, 0, REFUSE), (LOAD, 0, 0, NUMBER)]
    lines += [(AT_LEAST, 0, 1, FIRST_X32), (RETURN, 0, 0, REFUSE), (EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, UNKNOWN)]
    for number in [*machine["refused"].values(), *CALLS["every"].values()]:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    lines += [(EQUAL, 0, 3, machine["clone"]), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, CLONE_NEWUSER), (RETURN, 0, 0, REFUSE)]
    return lines + [(RETURN, 0, 0, ALLOW)]


def install():
    """For this process and all that come of it; needs no_new_privs. Other processors have no filter (decision 6)."""
    machine = CALLS.get(os.uname().machine)
    if machine is None or struct.calcsize("P") != 8:
        return
    lines = program(machine)
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    filled = Program(len(lines), code)
    if kernel.libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filled), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls cannot be installed")
