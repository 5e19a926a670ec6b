"""Runs beside a project that pip has installed, in the same clean root; one JSON object on standard output.

probe.py files PROJECT       its version and the files that were installed for it, relative to site-packages
probe.py import MODULE...    which of these modules do not import, each in an interpreter of its own
"""

import json
import posixpath
import re
import subprocess
import sys

IMPORT_SECONDS = 120
# A module that ends the interpreter with status 0 has not been imported.
IMPORT = "import importlib, os, sys; importlib.import_module(sys.argv[1]); sys.stdout.flush(); os.write(1, b'\\nimported\\n'); os._exit(0)"


def files(project):
    from importlib import metadata

    wanted = re.sub(r"[-_.]+", "-", project).lower()
    for found in metadata.distributions():
        name = found.metadata["Name"] or ""
        if re.sub(r"[-_.]+", "-", name).lower() == wanted:
            return {"found": True, "version": found.version, "files": paths_of(found)}
    return {"found": False, "version": "", "files": []}


def paths_of(distribution):
    # What `setup.py install` wrote: paths relative to the egg-info folder. importlib.metadata reads it from Python 3.12 on.
    listed = distribution.read_text("installed-files.txt")
    if listed is not None and distribution.read_text("RECORD") is None:
        return [posixpath.normpath("x.egg-info/" + line) for line in listed.splitlines() if line]
    return [str(path) for path in distribution.files or []]


def imports(modules):
    failed = []
    for module in modules:
        message = failure_of(module)
        if message is not None:
            failed.append({"module": module, "message": message})
    return {"failed": failed}


def failure_of(module):
    command = [sys.executable, "-c", IMPORT, module]
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=IMPORT_SECONDS, cwd="/work/empty"
        )
    except subprocess.TimeoutExpired:
        return f"did not import within {IMPORT_SECONDS} s"
    if ended.returncode == 0 and ended.stdout.endswith(b"\nimported\n"):
        return None
    lines = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1] if lines else f"ended with status {ended.returncode}")[:300]


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    print(json.dumps(files(*arguments) if kind == "files" else imports(arguments)))
