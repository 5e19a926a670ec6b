"""Seals a small memory as the keeper does with templates and tries to change it in every way that a holder of its descriptor has.

Usage: seal-probe.py KEEPER. Prints the ways that worked, one a line; none: nobody can change a template.
"""

import fcntl
import mmap
import os
import runpy
import sys

keeper = runpy.run_path(sys.argv[1])
memory = keeper["Memory"]("probe", 8192, None)
os.pwrite(memory.fd, b"as made", 0)
fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, keeper["SEALS"])


def again(flags):
    return os.open("/proc/self/fd/%d" % memory.fd, flags)


WAYS = {
    "write": lambda: os.pwrite(memory.fd, b"x", 0),
    "write through a new descriptor": lambda: os.pwrite(again(os.O_RDWR), b"x", 0),
    "write through a shared mapping": lambda: mmap.mmap(memory.fd, 4096, mmap.MAP_SHARED),
    "make it shorter": lambda: os.ftruncate(memory.fd, 0),
    "make it longer": lambda: os.ftruncate(memory.fd, 16384),
    "empty it by opening": lambda: again(os.O_WRONLY | os.O_TRUNC),
    "take the seals off": lambda: fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, 0),
}
for name, way in WAYS.items():
    try:
        way()
        print(name)
    except (OSError, ValueError):
        pass
# What a clone does: its own copy changes, the template does not.
copy = mmap.mmap(memory.fd, 4096, mmap.MAP_PRIVATE)
copy[:7] = b"changed"
if os.pread(memory.fd, 7, 0) != b"as made":
    print("write through a private mapping")
