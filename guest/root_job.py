"""Makes the root of an image for this guest's own processor where the host has another one: dpkg installs the packages
whose files the host has only unpacked, with their maintainer scripts, and the whole root comes back as one archive."""

import os
import subprocess

import process

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
}
DEBS = "/rennet/in/debs"
# What the machine mounted, and the agent, which each image gets anew.
NOT_OF_THE_ROOT = ("dev", "proc", "sys", "run", "tmp", "rennet", "usr/lib/rennet")


def run(job, ports):
    """Facts: the step that failed, with its message; none where all went well."""
    debs = sorted(os.path.join(DEBS, name) for name in os.listdir(DEBS))
    # In a root without a configured package no order meets all relations (mmdebstrap does the same); the last call judges them.
    dpkg = ["/usr/bin/dpkg", "--force-unsafe-io"]
    steps = [
        ("install", dpkg + ["--force-depends", "--install"] + debs),
        ("configure", dpkg + ["--configure", "--pending"]),
        ("audit", ["/bin/sh", "-c", 'said=$(dpkg --audit); echo "$said"; test -z "$said"']),
        ("clean", ["/bin/sh", "-c", job["clean"], "sh", ""]),
    ]
    for name, command in steps:
        ports.phase(name)
        end = process.run(process.command(command), root="/", log=ports.log, environment=ENVIRONMENT, privileged=True)
        if end.exit != 0:
            return "failed", {"step": name, "exit": end.exit, "message": end.message}
    ports.phase("archive")
    send_root(ports.output)
    return "ok", {}


def send_root(output):
    """The root is read twice, first for its length: kept as a file, it would take as much memory again."""
    size = 0
    with subprocess.Popen(archive(), stdout=subprocess.PIPE) as tar:
        while data := tar.stdout.read(1048576):
            size += len(data)
    with subprocess.Popen(archive(), stdout=subprocess.PIPE) as tar:
        output.add_sized("root.tar", size, tar.stdout.fileno())
        if tar.stdout.read(1) or tar.wait() != 0:
            raise OSError("the root changed while it was read")


def archive():
    tar = ["/usr/bin/tar", "--create", "--file=-", "--numeric-owner", "--sort=name", "--directory=/"]
    left_out = ["--exclude=./%s/*" % path for path in NOT_OF_THE_ROOT]
    return tar + left_out + ["."]
