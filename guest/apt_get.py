"""Installs official packages with apt-get from the mirror that the host offers for this job, as root, before any code of the package
runs. apt comes as a layer; what it installs lands in a folder that becomes a layer itself, over the base and without apt."""

import os

import kernel
import process
import roots

WORK = "/rennet/job/apt"
MIRROR, DISK = "/rennet/in/mirror", "/rennet/mirror"
PLACE = "@MIRROR@"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}
ENVIRONMENT["APT_CONFIG"] = "/rennet/apt/apt.conf"
# State and cache lie outside of what becomes a layer. Manuals and translations stay out, as in layers.
SETTINGS = """
Dir::Etc { main "/dev/null"; parts "/dev/null"; sourcelist "/rennet/apt/official.sources"; sourceparts "/dev/null";
  trusted "/dev/null"; trustedparts "/rennet/in/apt/trusted/"; netrc "/rennet/apt/auth.conf"; netrcparts "/dev/null"; };
Dir::State "/rennet/apt/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "/rennet/apt/cache";
Dir::Cache::srcpkgcache "";
Dir::Log "/rennet/apt/log";
APT::Sandbox::User "root";
APT::Architecture "%s";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
APT::Get::Assume-Yes "true";
APT::Get::Remove "false";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "0";
Dpkg::Use-Pty "false";
DPkg::Options { "--force-unsafe-io"; "--path-exclude=/usr/share/doc/*"; "--path-exclude=/usr/share/man/*";
  "--path-exclude=/usr/share/info/*"; "--path-exclude=/usr/share/locale/*"; };
"""


# The host's mirror has indexes uncompressed (unpacking them under emulation takes longer than fetching them whole): a kind of compression
# without a program for it is not asked for. An operator's own mirror has what mirrors have.
UNCOMPRESSED = 'Acquire::CompressionTypes { xz "none"; bz2 "none"; lzma "none"; gz "none"; lz4 "none"; zst "none"; };\n'


class AptFailed(Exception):
    """apt-get ended with an error: exit status, message."""


def install(order, ports):
    """Returns the folder with all that was installed."""
    disk = order.get("disk", False)
    service = None if disk else ports.service
    prepare(order, service, disk)
    binds = [(WORK, "/rennet/apt"), ("/rennet/in", "/rennet/in")]
    if disk:
        mount_mirror()
        binds.append((DISK, DISK))
    root = roots.make_root("apt-root", [order["layer"]], binds)
    if service:
        service.tunnel.start()
    try:
        apt_get(["update"], "apt-update", root, ports)
        apt_get(["install", "--"] + order["install"], "apt-install", root, ports)
    finally:
        if service:
            service.tunnel.stop()
            os.remove(WORK + "/auth.conf")  # nobody who runs later is to know the token
    kernel.unmount(root)
    if disk:
        kernel.unmount(DISK)  # what a build did not declare it does not see
    upper = roots.upper_of(root)
    for _, place in binds:
        if place != "/rennet/in":
            os.rmdir(upper + place)  # the places that the root was given to mount there
    return upper


def mount_mirror():
    try:
        kernel.mount_mirror(DISK)
    except OSError as error:
        raise AptFailed(1, process.one_line(error)) from error


def prepare(order, service, disk):
    for name in ("state/lists/partial", "cache/archives/partial", "log"):
        os.makedirs(os.path.join(WORK, name))
    mirror = service.url + "/mirror" if service else "file://" + (DISK if disk else MIRROR)
    with open("/rennet/in/apt/official.sources", encoding="utf-8") as file:
        write("official.sources", file.read().replace(PLACE, mirror))
    if service:
        write("auth.conf", "machine %s login rennet password %s\n" % (service.url, service.token), 0o600)
    with open("/rennet/in/apt/apt.conf", encoding="utf-8") as file:
        write("apt.conf", file.read() + SETTINGS % order["architecture"] + ("" if disk else UNCOMPRESSED))


def write(name, text, mode=0o644):
    path = os.path.join(WORK, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def apt_get(arguments, phase, root, ports):
    ports.phase(phase)
    command = process.command(["/usr/bin/apt-get", "--quiet=2"] + arguments)
    end = process.run(command, root=root, log=ports.log, environment=ENVIRONMENT, privileged=True)
    if end.exit != 0:
        complaints = [line for line in end.tail.decode("utf-8", "replace").splitlines() if line.startswith("E: ")]
        raise AptFailed(end.exit, complaints[0][:500] if complaints else end.message)
