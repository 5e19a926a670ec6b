"""Unpacks an sdist in the build's own folder, as the unprivileged user of the build."""

import os
import stat
import tarfile
import zipfile


def unpack(archive, folder):
    """Unpacks and returns the one top-level folder, or the folder itself where there is more at the top."""
    os.mkdir(folder)
    if zipfile.is_zipfile(archive):
        unpack_zip(archive, folder)
    else:
        unpack_tar(archive, folder)
    names = os.listdir(folder)
    top = os.path.join(folder, names[0]) if len(names) == 1 else folder
    if not os.path.isdir(top) or os.path.islink(top):
        raise ValueError("the sdist holds no folder")
    return top


def unpack_tar(archive, folder):
    """PEP 721: the data filter where this Python has it; where not, the guest is the boundary and the user is nobody."""
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        members = [member for member in tar if member.isreg() or member.isdir() or member.issym() or member.islnk()]
        for member in members:
            if not contained(member.name, folder) or (member.issym() and not links_inside(member, folder)):
                raise ValueError("the sdist holds a name outside of its folder: %r" % member.name)
            member.mode = member.mode & 0o755 | (0o700 if member.isdir() else 0o600)
            member.uid, member.gid = os.getuid(), os.getgid()
        tar.extractall(folder, members)


def contained(name, folder):
    path = os.path.normpath(os.path.join(folder, name))
    return path == folder or path.startswith(folder + "/")


def links_inside(member, folder):
    return contained(os.path.join(os.path.dirname(member.name), member.linkname), folder)


def unpack_zip(archive, folder):
    """zipfile drops the modes; an executable configure script needs its bit back."""
    with zipfile.ZipFile(archive) as zipped:
        for entry in zipped.infolist():
            path = zipped.extract(entry, folder)
            mode = entry.external_attr >> 16
            if stat.S_ISREG(mode) and mode & 0o111:
                os.chmod(path, 0o755)
