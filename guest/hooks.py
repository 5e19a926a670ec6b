"""PEP 517 hooks. `run` lives in a forked child of the agent that never returns to it."""

import importlib
import json
import mmap
import os
import re

import process
from interpreter import become_interpreter

LEGACY = "setuptools.build_meta:__legacy__"


def load(backend):
    """Imports the back end as PEP 517 says: backend-path first, then `module:object.attribute`."""
    source = os.getcwd()
    paths = [os.path.normpath(os.path.join(source, path)) for path in backend.get("path", [])]
    for path in paths:
        if path != source and not path.startswith(source + "/"):
            raise ValueError("backend-path leads out of the source tree: %s" % path)
    become_interpreter(paths)
    module, _, attributes = (backend.get("name") or LEGACY).partition(":")
    found = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def run(backend, folder, met=None):
    """Imports the back end, then calls its hooks, each in a process forked from that moment: no hook sees what another
    one left behind (PEP 517), and the import, which costs more than most hooks under emulation, is paid once.

    `met`: requirements that the host says are there; None: do not ask, build. Gives `asked`, `wheel`, or the failed `step`.
    """
    found = load(backend)
    if met is not None:
        end = in_child(lambda: missing_requirements(found, met))
        if end["exit"] != 0:
            return {"step": "get_requires", **end}
        if end["value"]:
            return {"asked": end["value"]}
    end = in_child(lambda: found.build_wheel(folder, None, None))
    if end["exit"] != 0:
        return {"step": "build_wheel", **end}
    return {"wheel": end["value"]}


def in_child(action):
    """Exit status, value and message of an action in a process of its own. The report goes through shared memory: a pipe
    would stay open as long as any daemon that the hook left."""
    shared = mmap.mmap(-1, process.REPORT_BYTES)
    child = os.fork()
    if child == 0:
        exit_status = 1
        try:
            exit_status, told = process.perform(action)
            shared.write(json.dumps(told).encode("ascii"))
        finally:
            os._exit(exit_status)
    _, status = os.waitpid(child, 0)
    value, message = process.read_report(shared.read().rstrip(b"\0"))
    exit_status = process.shell_status(status)
    return {"exit": exit_status, "value": value, "message": message or "ended with status %d" % exit_status}


def missing_requirements(found, met):
    """What the back end asks for and the root does not hold, as it wrote it."""
    hook = getattr(found, "get_requires_for_build_wheel", None)
    asked = [str(requirement) for requirement in (hook(None) if hook else [])]
    return [requirement for requirement in asked if requirement not in met and not is_held(requirement)]


REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\(([^)]*)\)|([^;\[]*))\s*$")
CLAUSE = re.compile(r"^(>=|<=|==|!=|<|>)\s*(\d+(?:\.\d+)*)$")


def is_held(requirement):
    from importlib import metadata

    try:
        name, clauses = parse(requirement)
        return satisfies(metadata.version(name), clauses)
    except (ValueError, metadata.PackageNotFoundError):
        return False


def choose_offered(asked, offered):
    """The layers of the offered projects that meet what is asked, and what none of them meets."""
    layers, missing = [], []
    for requirement in asked:
        fitting = [offer for offer in offered if meets(offer, requirement)]
        if fitting:
            layers += [layer for layer in fitting[0]["layers"] if layer not in layers]
        else:
            missing.append(requirement)
    return layers, missing


def meets(offer, requirement):
    try:
        name, clauses = parse(requirement)
        return normalise(offer["project"]) == normalise(name) and satisfies(offer["version"], clauses)
    except ValueError:
        return False


def parse(requirement):
    """A name with plain clauses. Markers, extras and the rest of PEP 508 are left to the host: ValueError."""
    match = REQUIREMENT.match(requirement)
    if not match:
        raise ValueError(requirement)
    text = (match.group(2) or match.group(3) or "").strip()
    clauses = [CLAUSE.match(clause.strip()) for clause in text.split(",")] if text else []
    if not all(clauses):
        raise ValueError(requirement)
    return match.group(1), [(clause.group(1), release(clause.group(2))) for clause in clauses]


def satisfies(version, clauses):
    ours = release(version)
    answers = {
        ">=": lambda theirs: ours >= theirs,
        "<=": lambda theirs: ours <= theirs,
        "==": lambda theirs: ours == theirs,
        "!=": lambda theirs: ours != theirs,
        "<": lambda theirs: ours < theirs,
        ">": lambda theirs: ours > theirs,
    }
    return all(answers[operator](theirs) for operator, theirs in clauses)


def release(version):
    """The numbers of a plain release (PEP 440) without trailing zeros; ValueError for any other version."""
    if not re.match(r"^\d+(\.\d+)*$", version):
        raise ValueError(version)
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()
