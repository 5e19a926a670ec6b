"""Makes the root of an image for this guest's own processor where the host has another one: dpkg installs the packages
whose files the host has only unpacked, with their maintainer scripts, and the whole root comes back as one archive."""

import os

import process
from output import open_regular

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
}
DEBS = "/rennet/in/debs"
ARCHIVE = "/rennet/job/root.tar"
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
        ("archive", archive()),
    ]
    for name, command in steps:
        ports.phase(name)
        end = process.run(process.command(command), root="/", log=ports.log, environment=ENVIRONMENT, privileged=True)
        if end.exit != 0:
            return "failed", {"step": name, "exit": end.exit, "message": end.message}
    ports.output.add("root.tar", open_regular(ARCHIVE).fileno())
    return "ok", {}


def archive():
    tar = ["/usr/bin/tar", "--create", "--file=" + ARCHIVE, "--numeric-owner", "--sort=name", "--directory=/"]
    left_out = ["--exclude=./%s/*" % path for path in NOT_OF_THE_ROOT]
    return tar + left_out + ["."]
