"""Answers questions about PEP 440, 425 and 508 with `packaging`: one JSON list of questions a line in, one list of answers out."""

import functools
import json
import sys

sys.path.insert(0, sys.argv[1])

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags, parse_tag
from packaging.version import InvalidVersion, Version


def canonical(version):
    try:
        return str(Version(version))
    except InvalidVersion:
        return None


def compare(a, b):
    left, right = Version(a), Version(b)
    return (left > right) - (left < right)


def contains(specifier, version, prereleases=None):
    return SpecifierSet(specifier).contains(version, prereleases=prereleases)


def marker(marker, env):
    return Marker(marker).evaluate(env)


def requirement(requirement):
    read = Requirement(requirement)
    return {
        "name": read.name,
        "extras": sorted(read.extras),
        "specifiers": sorted(str(clause) for clause in read.specifier),
        "url": read.url,
        "marker": None if read.marker is None else str(read.marker),
    }


@functools.cache
def fitting_tags(python, platforms):
    version = tuple(int(part) for part in python.split("."))
    fitting = set(cpython_tags(version, platforms=platforms))
    fitting.update(compatible_tags(version, "cp%d%d" % version, platforms=platforms))
    return fitting


def tags(tag, python, platforms):
    return not fitting_tags(python, tuple(platforms)).isdisjoint(parse_tag(tag))


ANSWERS = {f.__name__: f for f in (canonical, compare, contains, marker, requirement, tags)}


def answer(question):
    arguments = dict(question)
    try:
        return {"value": ANSWERS[arguments.pop("op")](**arguments)}
    except Exception as error:
        return {"error": type(error).__name__}


for line in sys.stdin:
    print(json.dumps([answer(question) for question in json.loads(line)]), flush=True)
