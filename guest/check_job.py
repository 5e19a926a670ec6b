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
IMPORTED = 73  # a module that ends the interpreter in peace has not been imported
LIBRARY_BATCH = 50
BROKEN = (b"ImportError", b"ModuleNotFoundError", b"SyntaxError", b"PackageNotFoundError", b"DistributionNotFound")
BROKEN_CALL = (b"AttributeError", b"NameError", b"TypeError")
CRASHES = {128 + number: name for number, name in ((4, "SIGILL"), (6, "SIGABRT"), (7, "SIGBUS"), (8, "SIGFPE"), (11, "SIGSEGV"))}
IMPORT = """
import importlib, os, sys
name = sys.argv.pop()
importlib.import_module(name)
for stream in (sys.stdout, sys.stderr):
    try:
        stream.flush()
    except Exception:
        pass
os._exit(%d)
""" % IMPORTED


def run(job, ports):
    os.makedirs(HOME)
    os.chown(HOME, process.user_id(), process.user_id())
    root = roots.make_root("check", job.get("layers", []), [(HOME, "/home/check"), ("/rennet/in", "/rennet/in")])
    facts = install(job, root, ports)
    if facts["installed"]:
        ports.phase("libraries")
        facts["libraries"] = missing_libraries(job.get("compiled", []), root, ports)
        ports.phase("import")
        facts["imports"] = [import_module(name, root, ports) for name in job.get("modules", [])]
        ports.phase("metadata")
        facts["metadata"] = metadata(job, root, ports)
        ports.phase("scripts")
        facts["scripts"] = [
            start_script(path, path in job.get("launchers", []), root, ports) for path in job.get("scripts", [])
        ]
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
    facts["libraries"] = []
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


def missing_libraries(files, root, ports):
    """What ldd(1) does not find, in batches; /bin/sh goes first so that ldd names each file even where there is one."""
    found = []
    for first in range(0, len(files), LIBRARY_BATCH):
        batch = files[first : first + LIBRARY_BATCH]
        listing = 'ldd /bin/sh "$@" 2>/dev/null | grep -e "^/.*:$" -e "=> not found$"; exit 0'
        end = as_user(process.command(["/bin/sh", "-c", listing, "sh"] + batch), root, ports, IMPORT_SECONDS)
        path = ""
        for line in end.tail.decode("utf-8", "replace").splitlines():
            if line.endswith("=> not found"):
                found.append({"path": path, "missing": line.split()[0][:1000]})
            elif line.endswith(":"):
                path = line[:-1][:1000]
    return found[:200]


def import_module(name, root, ports):
    """In a cold interpreter: a module that forgets an import of its own must not find it in the warm one. -I: nor beside it
    in a folder to which another module has written."""
    end = as_user(process.command(["/usr/bin/python3", "-I", "-c", IMPORT, name]), root, ports, IMPORT_SECONDS)
    return {"module": name, "ok": end.exit == IMPORTED, "message": "" if end.exit == IMPORTED else import_failure(end)}


def import_failure(end):
    """One line: the error, or that the module has ended the interpreter."""
    if end.timed_out:
        return "it was still being imported after %d s" % IMPORT_SECONDS
    if end.exit in CRASHES:
        return "the interpreter crashed (%s)" % CRASHES[end.exit]
    if b"Traceback (most recent call last)" in end.tail:
        return error_line(end.tail) or end.message
    said = "" if end.exit == 0 else ": " + end.message
    return process.one_line("it ends the interpreter with status %d%s" % (end.exit, said))


def error_line(tail):
    """The line of a traceback that names the error: messages may have several lines."""
    lines = tail.decode("utf-8", "replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    start = starts[-1] if starts else len(lines)
    return next((process.one_line(line) for line in lines[start + 1 :] if line[:1] not in ("", " ", "+", "|")), "")


def metadata(job, root, ports):
    asked = (job["distribution"], job.get("requirements", []), job.get("entryPoints", []))
    end = as_user(lambda: inspection.read_metadata(*asked), root, ports, IMPORT_SECONDS)
    found = end.value if isinstance(end.value, dict) else {}
    versions = found.get("versions") if isinstance(found.get("versions"), dict) else {}
    return {
        "found": bool(found.get("found")),
        "version": str(found.get("version", ""))[:200],
        "unmet": strings(found.get("unmet")),
        "versions": {str(name): version[:200] for name, version in versions.items() if isinstance(version, str)},
        "lostEntryPoints": strings(found.get("lostEntryPoints")),
    }


def strings(value):
    return [item[:1000] for item in value if isinstance(item, str)][:1000] if isinstance(value, list) else []


def start_script(path, launcher, root, ports):
    """A script starts when it ends well, or when no try shows the marks of a broken installation, whatever its status."""
    ends = []
    for arguments in (["--help"], [], ["--version"]):
        end = as_user(process.command([path] + arguments), root, ports, SCRIPT_SECONDS)
        ends.append(end)
        if end.exit == 0:
            break
    broken = "" if end.exit == 0 else next(filter(None, (breakage(end, launcher and path) for end in ends)), "")
    return {"path": path, "ok": not broken, "exit": None if end.timed_out else end.exit, "message": broken}


def breakage(end, launcher):
    """Why a script that ended so cannot start; empty where that is the script's own business. `launcher`: its path, where it
    does nothing but call an entry point, so that what fails there is the entry point."""
    if end.timed_out:
        return ""
    if end.exit in (126, 127):
        return end.message
    if end.exit in CRASHES:
        return "it crashed (%s)" % CRASHES[end.exit]
    lines = end.tail.splitlines()
    if not any(line.startswith(b"Traceback (most recent call last)") for line in lines):
        return ""
    frames = [line.strip() for line in lines if line.startswith(b'  File "')]
    in_launcher = launcher and frames and frames[-1].startswith(b'File "%s"' % os.fsencode(launcher))
    kinds = BROKEN + BROKEN_CALL if in_launcher else BROKEN
    for line in reversed(lines):
        if line.split(b":")[0].rpartition(b".")[2] in kinds:
            return process.one_line(line.decode("utf-8", "replace"))
    return ""


def as_user(action, root, ports, seconds):
    return process.run(
        action, root=root, log=ports.log, directory="/home/check", environment=USER_ENVIRONMENT, seconds=seconds
    )
