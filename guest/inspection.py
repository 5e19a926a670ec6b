"""Looks at an installed distribution from inside an interpreter of its root (a forked child of the agent)."""

import re

from interpreter import become_interpreter

ONLY_EXTRA = re.compile(r"""\s*([A-Za-z0-9][A-Za-z0-9._-]*)[^;]*;\s*\(?\s*extra\s*==\s*["']([^"']+)["']\s*\)?\s*$""")


def read_metadata(distribution, requirements):
    """Is it found, as which version, and is each of its requirements' projects found?

    `requirements`: names of projects, with the extras that are asked for (`requests[socks]`); the host has evaluated markers
    and specifiers already. What an extra of an installed project needs only its own metadata tells.
    """
    become_interpreter()
    from importlib import metadata

    try:
        found = {"found": True, "version": metadata.version(distribution)}
    except metadata.PackageNotFoundError:
        return {"found": False, "version": "", "unmet": []}
    unmet = []
    for text in requirements:
        project, _, extras = text.rstrip("]").partition("[")
        try:
            brought = brought_by_extras(metadata.requires(project) or [], extras.split(",") if extras else [])
        except metadata.PackageNotFoundError:
            unmet.append(project)
            continue
        for name in brought:
            try:
                metadata.version(name)
            except metadata.PackageNotFoundError:
                unmet.append(f"{name} (for {text})")
    return {**found, "unmet": unmet}


def brought_by_extras(requires, extras):
    """Projects that Requires-Dist asks for with no other condition than one of the extras: nothing here reads whole markers."""
    wanted = {normalise(extra) for extra in extras}
    read = [ONLY_EXTRA.match(text) for text in requires]
    return [match[1] for match in read if match and normalise(match[2]) in wanted]


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()
