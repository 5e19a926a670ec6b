"""PEP 517 hooks. The functions here run in a forked child of the agent that never returns to it."""

import importlib
import os
import re

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


def get_requires(backend, met):
    """What the back end asks for and the root does not hold, as it wrote it. `met`: what the host says is there."""
    hook = getattr(load(backend), "get_requires_for_build_wheel", None)
    asked = [str(requirement) for requirement in (hook(None) if hook else [])]
    from_host = set(met)
    return [requirement for requirement in asked if requirement not in from_host and not is_held(requirement)]


def build_wheel(backend, folder):
    return load(backend).build_wheel(folder, None, None)


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
