"""Roots for jobs: the base with layers over it, a fresh tmpfs on top, and the few places a build needs."""

import os

import kernel

PLACE = "/rennet/job"
BARE_BASE = "/run/rennet/base"  # guest/init leaves it there: one overlay less to walk through
LAYERS = "/rennet/in"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
MAX_LAYERS = 480  # overlayfs takes 500
# Renaming a folder of a lower layer fails without redirect_dir; user namespaces allow fewer of these.
OVERLAY_OPTIONS = ("redirect_dir=on,metacopy=on", "redirect_dir=on", "userxattr", "")


def make_root(name, layers, binds, installed=None):
    """Stacks the layers (the last one on top) over the base and returns the new root's path.

    `binds` are pairs of a folder here and where it appears in the root. `installed`: a folder that lies directly over the base.
    """
    folder = os.path.join(PLACE, name)
    root, upper, work, temporary = (os.path.join(folder, part) for part in ("root", "upper", "work", "tmp"))
    for path in (root, upper, work):
        os.makedirs(path)
    make_open(temporary)
    binds = [("/proc", "/proc"), (devices(), "/dev"), (temporary, "/tmp")] + binds
    for _, target in binds:
        make_place(upper, target)
    copy_identity(upper)
    mount_overlay(folder, root, upper, work, layers, installed)
    for source, target in binds:
        kernel.mount(source, root + target, flags=kernel.MS_BIND | kernel.MS_REC)
    return root


def upper_of(root):
    """What was written to a root that make_root made; a folder that can be `installed` in another once the root is unmounted."""
    return os.path.join(os.path.dirname(root), "upper")


def make_open(folder):
    """A folder that anybody may write to, as /tmp is."""
    os.mkdir(folder)
    os.chmod(folder, 0o1777)


def copy_identity(upper):
    """The agent wrote the machine's id over its own root; the bare base below has none."""
    make_place(upper, "/etc")
    try:
        with open("/etc/machine-id", "rb") as source, open(upper + "/etc/machine-id", "wb") as target:
            target.write(source.read())
    except FileNotFoundError:
        pass


def make_place(upper, place):
    """Makes a mount point in the upper layer; folders that the base has too keep its mode, which is 0755."""
    path = upper
    for part in place.strip("/").split("/"):
        path = os.path.join(path, part)
        if not os.path.isdir(path):
            os.mkdir(path, 0o755)


def mount_overlay(folder, root, upper, work, layers, installed):
    """mount(2) takes one page of options, so layers go by short links, seen from the folder they lie in."""
    if len(layers) > MAX_LAYERS:
        raise ValueError("%d layers are more than overlayfs can stack" % len(layers))
    base = BARE_BASE if os.path.isdir(BARE_BASE) else "/"
    os.chdir(folder)
    try:
        for number, layer in enumerate(layers):
            os.symlink(inside(layer), str(number))
        below = [installed, base] if installed else [base]
        lower = ":".join([str(number) for number in reversed(range(len(layers)))] + below)
        for options in OVERLAY_OPTIONS:
            try:
                data = "lowerdir=%s,upperdir=upper,workdir=work" % lower
                return kernel.mount("overlay", root, "overlay", 0, data + ("," + options if options else ""))
            except OSError as error:
                failure = error
        raise failure
    finally:
        os.chdir("/")


def inside(layer):
    path = os.path.normpath(os.path.join(LAYERS, layer))
    if not path.startswith(LAYERS + "/") or not os.path.isdir(path):
        raise ValueError("no layer %s on the input disk" % layer)
    return path


def devices():
    """A /dev with nothing of the machine's hardware and none of the channels in it; made once."""
    folder = os.path.join(PLACE, "dev")
    if os.path.isdir(folder):
        return folder
    os.mkdir(folder)
    for name in DEVICES:
        if os.path.exists("/dev/" + name):
            path = os.path.join(folder, name)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
            kernel.mount("/dev/" + name, path, flags=kernel.MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, os.path.join(folder, name))
    make_open(os.path.join(folder, "shm"))
    return folder
