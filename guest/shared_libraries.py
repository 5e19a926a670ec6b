"""Debian dependencies of a wheel's ELF files, by dpkg-shlibdeps on unpacked copies, as the unprivileged user."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile

# As dpkg-shlibdeps says that a library is nowhere, or that no package stands for it (dpkg-shlibdeps(1), ERRORS).
UNOWNED = re.compile(r"(?:cannot find library|no dependency information found for) (\S+) (?:needed by|\(used by) ([^\s)]+)")
CONTROL = "Source: wheel\n\nPackage: wheel\nArchitecture: any\n"


class UnownedLibrary(Exception):
    """A compiled file links to a library that no installed package of the suite answers for."""


def find(wheel):
    """Relations such as `libc6 (>= 2.14)`, sorted; empty for a wheel without ELF files. UnownedLibrary."""
    with tempfile.TemporaryDirectory(prefix="shlibs-") as folder:
        files = unpack_elf(wheel, folder)
        if not files:
            return []
        os.mkdir(os.path.join(folder, "debian"))
        with open(os.path.join(folder, "debian", "control"), "w", encoding="ascii") as file:
            file.write(CONTROL)
        return shlibdeps(folder, files)


def unpack_elf(wheel, folder):
    files = []
    with zipfile.ZipFile(wheel) as zipped:
        for entry in zipped.infolist():
            if entry.is_dir():
                continue
            with zipped.open(entry) as member:
                if member.read(4) != b"\x7fELF":
                    continue
            files.append(os.path.relpath(zipped.extract(entry, os.path.join(folder, "wheel")), folder))
    return files


def shlibdeps(folder, files):
    """-l: libraries that the wheel brings itself are found beside its extensions (dpkg-shlibdeps(1))."""
    private = sorted({os.path.dirname(file) for file in files})
    arguments = ["dpkg-shlibdeps", "-O", "--warnings=0"] + ["-l" + path for path in private]
    done = subprocess.run(
        arguments + ["-e" + file for file in files],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
    )
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        unowned = UNOWNED.search(done.stderr)
        if unowned:
            raise UnownedLibrary("%s links to %s" % (unowned[2].partition("/")[2] or unowned[2], unowned[1]))
        raise OSError("dpkg-shlibdeps ended with status %d" % done.returncode)
    relations = []
    for line in done.stdout.splitlines():
        if line.startswith("shlibs:Depends="):
            relations += [part.strip() for part in line.partition("=")[2].split(",") if part.strip()]
    return sorted(set(relations))
