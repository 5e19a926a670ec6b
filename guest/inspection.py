"""Looks at an installed distribution from inside an interpreter of its root (a forked child of the agent)."""

from interpreter import become_interpreter


def read_metadata(distribution, requirements):
    """Is it found, as which version, and is each of its requirements' projects found?

    `requirements`: names of projects; the host has evaluated markers and specifiers already.
    """
    become_interpreter()
    from importlib import metadata

    try:
        found = {"found": True, "version": metadata.version(distribution)}
    except metadata.PackageNotFoundError:
        return {"found": False, "version": "", "unmet": []}
    unmet = []
    for project in requirements:
        try:
            metadata.version(project)
        except metadata.PackageNotFoundError:
            unmet.append(project)
    return {**found, "unmet": unmet}
