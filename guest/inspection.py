"""Looks at an installed distribution from inside an interpreter of its root (a forked child of the agent)."""

import importlib

from interpreter import become_interpreter


def import_module(name):
    become_interpreter()
    importlib.import_module(name)


def read_metadata(distribution, requirements):
    """Is it found, as which version, and is what the host lists as its requirements installed in the listed versions?

    `requirements`: [{"project": …, "version": …}]; the host has evaluated markers and specifiers already.
    """
    become_interpreter()
    from importlib import metadata

    try:
        found = {"found": True, "version": metadata.version(distribution)}
    except metadata.PackageNotFoundError:
        return {"found": False, "version": "", "unmet": []}
    unmet = []
    for requirement in requirements:
        try:
            metadata.version(requirement["project"])
        except metadata.PackageNotFoundError:
            unmet.append(requirement["project"])
    return {**found, "unmet": unmet}
