"""Runs the tests of an sdist against the installed package, as an unprivileged user. Whatever happens is reported only."""

import os
import re
import shutil
import time

import check_job
import process
import roots
import unpack

WORK = "/rennet/job/tests"
SOURCE, RESULTS = "/tests/source/kept", "/tests/results/endings"
REPORTER = "rennet_reporter.py"
UNPACK_SECONDS = 300
RESULT_BYTES = 8 * 1024 * 1024
NAMED = 20
USAGE_ERROR = 4  # docs.pytest.org, "Exit codes"
# What only pytest collects or understands.
PYTEST_ONLY = re.compile(rb"^(?:[ \t]*(?:import|from)[ \t]+pytest\b|(?:async )?def test|[ \t]*@pytest\.)", re.MULTILINE)
ENVIRONMENT = {
    **check_job.ENVIRONMENT,
    "HOME": "/tests/home",
    "USER": "tests",
    "PYTHONPATH": "/tests/reporter",
    "PYTEST_ADDOPTS": "-p rennet_reporter -p no:cacheprovider",
    "RENNET_TEST_RESULTS": RESULTS,
}


def run(job, ports):
    prepare_folders()
    binds = [(WORK, "/tests"), ("/rennet/in", "/rennet/in")]
    root = roots.make_root("tests", job.get("layers", []), binds)
    installed = check_job.install(job, root, ports)
    if not installed["installed"]:
        return "ok", {"ran": False, "message": installed["installMessage"]}
    ports.phase("unpack")
    archive, keep = os.path.join("/rennet/in", job["source"]), job.get("keep", [])
    end = as_user(lambda: lay_out(archive, keep), root, ports, "/tests/source", UNPACK_SECONDS)
    if end.exit != 0:
        return "ok", {"ran": False, "message": end.message}
    runner = end.value if job["runner"] == "auto" else job["runner"]
    ports.phase(runner)
    return "ok", {"ran": True, "runner": runner, **run_tests(runner, job, root, ports)}


def prepare_folders():
    """The reporter stands in a folder of its own: nothing else of ours may be importable by tests."""
    for name in ("reporter", "results", "home", "source"):
        os.makedirs(os.path.join(WORK, name))
    shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(__file__)), REPORTER), WORK + "/reporter/" + REPORTER)
    for name in ("home", "source"):
        os.chown(os.path.join(WORK, name), process.user_id(), process.user_id())


def lay_out(archive, keep):
    """Only what the host named stays, so that the installed package is what is tested. Gives the runner that the tests look like."""
    top = unpack.unpack(archive, "/tests/source/unpacked")
    os.mkdir(SOURCE)
    for name in keep:
        target = os.path.join(SOURCE, name)
        if os.path.lexists(os.path.join(top, name)):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(os.path.join(top, name), target)
    shutil.rmtree("/tests/source/unpacked")
    return "pytest" if any(map(needs_pytest, keep)) else "unittest"


def needs_pytest(name):
    if not name.endswith(".py"):
        return False
    try:
        with open(os.path.join(SOURCE, name), "rb") as file:
            return os.path.basename(name) == "conftest.py" or bool(PYTEST_ONLY.search(file.read(1048576)))
    except OSError:
        return False


def run_tests(runner, job, root, ports):
    """One run; where pytest does not know what the project's own options ask for (a plugin that is not there), one without them."""
    ends_at = time.monotonic() + float(job["seconds"])
    for arguments in choices(runner, job, root):
        prepare_results(root)
        seconds = max(1.0, ends_at - time.monotonic())
        end = as_user(process.command(arguments), root, ports, SOURCE, seconds)
        if runner != "pytest" or end.exit != USAGE_ERROR:
            break
    facts = {"exit": end.exit, "timedOut": end.timed_out, "message": end.message}
    return {**facts, **read_results(root)}


def choices(runner, job, root):
    if runner == "command":
        return [["/bin/sh", "-c", job["command"]]]
    if runner == "unittest":
        start = job.get("start", ".")
        top = "." if os.path.exists(os.path.join(root + SOURCE, start, "__init__.py")) else start
        return [["/usr/bin/python3", "/tests/reporter/" + REPORTER, start, top]]
    plain = ["/usr/bin/python3", "-m", "pytest", "--continue-on-collection-errors"]
    what = ["--pyargs"] + job["installed"] if job.get("installed") else []
    return [plain + what, plain + ["--override-ini=addopts="] + what]


def prepare_results(root):
    """In a folder that only we write to, so that it stays the file that it is."""
    if os.path.exists(root + RESULTS):
        os.remove(root + RESULTS)
    with open(root + RESULTS, "xb") as file:
        os.fchown(file.fileno(), process.user_id(), process.user_id())


def read_results(root):
    """Counts the endings; a teardown that fails after its test makes one test two endings, as in pytest's own count."""
    counts, failing = {"P": 0, "F": 0, "E": 0, "S": 0}, []
    with open(root + RESULTS, "rb") as file:
        lines = file.read(RESULT_BYTES).splitlines()
    for line in lines:
        ending, name = line[:1].decode("ascii", "replace"), line[2:].decode("ascii", "replace")
        if ending in counts:
            counts[ending] += 1
            if ending in "FE" and len(failing) < NAMED:
                failing.append(name)
    return {"passed": counts["P"], "failed": counts["F"], "errors": counts["E"], "skipped": counts["S"], "failing": failing}


def as_user(action, root, ports, directory, seconds):
    return process.run(action, root=root, log=ports.log, directory=directory, environment=ENVIRONMENT, seconds=seconds)
