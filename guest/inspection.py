"""Looks at an installed distribution from inside an interpreter of its root (a forked child of the agent)."""

import re

from interpreter import become_interpreter

ENTRY_POINT = re.compile(r"\s*([^=]*?)\s*=.*?(?:\[([^\]]*)\])?\s*$")
SCRIPTS = ("console_scripts", "gui_scripts")
ONLY_EXTRA = re.compile(r"""\s*([A-Za-z0-9][A-Za-z0-9._-]*)[^;]*;\s*\(?\s*extra\s*==\s*["']([^"']+)["']\s*\)?\s*$""")


def read_metadata(distribution, requirements, entry_points=()):
    """Is it found, as which version, is each of its requirements' projects found, and each of its entry points?

    `requirements`: names of projects, with the extras that are asked for (`requests[socks]`); the host has evaluated markers
    and specifiers already. What an extra of an installed project needs only its own metadata tells. `entry_points`: lines
    `name = value [group]`, of commands without the group.
    """
    become_interpreter()
    from importlib import metadata

    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return {"found": False, "version": "", "unmet": []}
    found = {"found": True, "version": installed.version}
    found["lostEntryPoints"] = lost_entry_points(installed.entry_points, entry_points)
    unmet, versions = [], {}
    for text in requirements:
        project, _, extras = text.rstrip("]").partition("[")
        try:
            versions[project] = metadata.version(project)
            brought = brought_by_extras(metadata.requires(project) or [], extras.split(",") if extras else [])
        except metadata.PackageNotFoundError:
            unmet.append(project)
            continue
        for name in brought:
            try:
                metadata.version(name)
            except metadata.PackageNotFoundError:
                unmet.append(f"{name} (for {text})")
    return {**found, "unmet": unmet, "versions": versions}


def lost_entry_points(present, expected):
    """Those of the expected lines whose name and group are not among what importlib.metadata gives."""
    names = {(point.name, "" if point.group in SCRIPTS else point.group) for point in present}
    read = [(ENTRY_POINT.match(line), line) for line in expected]
    return [line for match, line in read if match and (match[1], match[2] or "") not in names][:100]


def brought_by_extras(requires, extras):
    """Projects that Requires-Dist asks for with no other condition than one of the extras: nothing here reads whole markers."""
    wanted = {normalise(extra) for extra in extras}
    read = [ONLY_EXTRA.match(text) for text in requires]
    return [match[1] for match in read if match and normalise(match[2]) in wanted]


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()
