"""A filter of system calls for package code where the kernel is the host's own (no virtual machine): what no build needs,
and what most holes of kernels were reached by. Docker's default profile is the model; seccomp(2), bpf of linux/filter.h."""

import ctypes
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

# open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, quotactl_fd, open_tree_attr; io_uring_*; pidfd_getfd
COMMON = [428, 429, 430, 431, 432, 433, 442, 443, 467, 425, 426, 427, 438]
# mount, umount2, pivot_root, unshare, setns; add_key, request_key, keyctl; bpf, perf_event_open, userfaultfd; kexec_load,
# kexec_file_load, init_module, finit_module, delete_module; ptrace, process_vm_readv, process_vm_writev, kcmp; swapon, swapoff,
# reboot, quotactl, acct, syslog; open_by_handle_at, fanotify_init
X86_64 = [165, 166, 155, 272, 308, 248, 249, 250, 321, 298, 323, 246, 320, 175, 313, 176, 101, 310, 311, 312]
X86_64 += [167, 168, 169, 179, 163, 103, 304, 300]
AARCH64 = [40, 39, 41, 97, 268, 217, 218, 219, 280, 241, 282, 104, 294, 105, 273, 106, 117, 270, 271, 272]
AARCH64 += [224, 225, 142, 60, 89, 116, 265, 262]
# AUDIT_ARCH_*, clone, what is refused
MACHINES = {"x86_64": (0xC000003E, 56, X86_64), "aarch64": (0xC00000B7, 220, AARCH64)}


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def program(architecture, clone, refused):
    """Each line: operation, jump if true, jump if false, operand."""
    lines = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, REFUSE), (LOAD, 0, 0, NUMBER)]
    lines += [(AT_LEAST, 0, 1, FIRST_X32), (RETURN, 0, 0, REFUSE), (EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, UNKNOWN)]
    for number in refused + COMMON:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    lines += [(EQUAL, 0, 3, clone), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, CLONE_NEWUSER), (RETURN, 0, 0, REFUSE)]
    return lines + [(RETURN, 0, 0, ALLOW)]


def install():
    """For this process and all that come of it; needs no_new_privs. Other processors have no filter (decision 6)."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None or struct.calcsize("P") != 8:
        return
    lines = program(*machine)
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    filled = Program(len(lines), code)
    if kernel.libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filled), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls cannot be installed")
