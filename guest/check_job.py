"""Installs a package as a user would and looks whether it works: dpkg, imports, metadata, scripts."""

import glob
import os

import inspection
import process
import roots

HOME = "/rennet/job/home"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}
ROOT_ENVIRONMENT = {**ENVIRONMENT, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
USER_ENVIRONMENT = {**ENVIRONMENT, "HOME": "/home/check"}
SCRIPT_SECONDS = 20
IMPORT_SECONDS = 120
BROKEN = (b"ImportError", b"ModuleNotFoundError", b"SyntaxError", b"PackageNotFoundError", b"DistributionNotFound")


def run(job, ports):
    os.makedirs(HOME)
    os.chown(HOME, process.user_id(), process.user_id())
    root = roots.make_root("check", job.get("layers", []), [(HOME, "/home/check"), ("/rennet/in", "/rennet/in")])
    facts = install(job, root, ports)
    if facts["installed"]:
        ports.phase("import")
        facts["imports"] = [import_module(name, root, ports) for name in job.get("modules", [])]
        ports.phase("metadata")
        facts["metadata"] = metadata(job, root, ports)
        ports.phase("scripts")
        facts["scripts"] = [start_script(path, root, ports) for path in job.get("scripts", [])]
    return "ok", facts


def install(job, root, ports):
    """dpkg judges the relations; --force-unsafe-io only leaves out fsync in a machine that is thrown away."""
    ports.phase("install")
    debs = [os.path.join("/rennet/in", deb) for deb in job["debs"]]
    end = process.run(
        process.command(["/usr/bin/dpkg", "--force-unsafe-io", "--install"] + debs),
        root=root,
        log=ports.log,
        environment=ROOT_ENVIRONMENT,
        privileged=True,
    )
    facts = {"installed": end.exit == 0, "installMessage": dpkg_message(end), "imports": [], "scripts": [], "files": 0}
    facts["metadata"] = {"found": False, "version": "", "unmet": []}
    if end.exit == 0:
        facts["files"] = count_files(root, job["package"])
    return facts


def dpkg_message(end):
    """The line that names the reason: dpkg's last lines only repeat which package it was."""
    if end.exit == 0:
        return ""
    lines = [line.strip() for line in end.tail.decode("utf-8", "replace").splitlines()]
    reasons = [line for line in lines if " depends on " in line or "dpkg: error" in line or "error:" in line]
    return (reasons or [end.message])[0][:500]


def count_files(root, package):
    """dpkg names the list of a package that may be installed for several architectures `name:architecture.list`."""
    lists = glob.glob(os.path.join(root, "var/lib/dpkg/info", glob.escape(package) + "[.:]*list"))
    files = 0
    for path in lists:
        with open(path, "rb") as file:
            files += sum(1 for _ in file)
    return files


def import_module(name, root, ports):
    """In a cold interpreter: a module that forgets an import of its own must not find it in the warm one."""
    code = "import importlib, sys; importlib.import_module(sys.argv[1])"
    end = as_user(process.command(["/usr/bin/python3", "-c", code, name]), root, ports, IMPORT_SECONDS)
    return {"module": name, "ok": end.exit == 0, "message": end.message}


def metadata(job, root, ports):
    action = lambda: inspection.read_metadata(job["distribution"], job.get("requirements", []))  # noqa: E731
    end = as_user(action, root, ports, IMPORT_SECONDS)
    found = end.value if isinstance(end.value, dict) else {}
    unmet = [text for text in found.get("unmet", []) if isinstance(text, str)]
    return {"found": bool(found.get("found")), "version": str(found.get("version", "")), "unmet": unmet}


def start_script(path, root, ports):
    """A script starts when it ends well, or when no try shows the marks of a broken installation, whatever its status."""
    ends = []
    for arguments in (["--help"], [], ["--version"]):
        end = as_user(process.command([path] + arguments), root, ports, SCRIPT_SECONDS)
        ends.append(end)
        if end.exit == 0:
            break
    broken = "" if end.exit == 0 else next(filter(None, map(breakage, ends)), "")
    return {"path": path, "ok": not broken, "exit": None if end.timed_out else end.exit, "message": broken}


def breakage(end):
    """Why a script that ended so cannot start; empty where that is the script's own business."""
    if end.exit in (126, 127) and not end.timed_out:
        return end.message
    if b"Traceback (most recent call last)" in end.tail:
        for line in reversed(end.tail.splitlines()):
            if line.split(b":")[0].rpartition(b".")[2] in BROKEN:
                return process.one_line(line.decode("utf-8", "replace"))
    return ""


def as_user(action, root, ports, seconds):
    return process.run(
        action, root=root, log=ports.log, directory="/home/check", environment=USER_ENVIRONMENT, seconds=seconds
    )
