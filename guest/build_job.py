"""Builds a wheel from an sdist by the PEP 517 hooks, each in an interpreter of its own, with only what was declared."""

import os

import apt_get
import hooks
import process
import roots
import shared_libraries
import unpack
from output import open_regular

WORK = "/rennet/job/build"
PATH = "/usr/local/bin:/usr/bin:/bin"


class StepFailed(Exception):
    """A step of the package failed; carries the facts for the host."""


def run(job, ports):
    try:
        return build(job, ports)
    except StepFailed as failed:
        return "failed", failed.args[0]


def build(job, ports):
    prepare_folders()
    binds = [(WORK, "/build"), ("/rennet/in", "/rennet/in"), ("/rennet/out", "/rennet/out")]
    installed = install(job["apt"], ports) if "apt" in job else None
    root = roots.make_root("declared", job.get("layers", []), binds, installed)
    backend = job["backend"]

    def step(name, action, directory="/build"):
        ports.phase(name)
        end = process.run(action, root=root, log=ports.log, directory=directory, environment=environment(job))
        return end.value if end.exit == 0 else fail(name, end.exit, end.message)

    source = step("unpack", lambda: unpack.unpack(os.path.join("/rennet/in", job["source"]), "/build/source"))
    met = strings(job.get("met", []))
    answer = hook_answer(step("get_requires", lambda: hooks.run(backend, "/rennet/out", met), source))
    asked = strings(answer.get("asked", []))
    if asked:
        layers, missing = hooks.choose_offered(asked, job.get("offered", []))
        if missing:
            return "needs", {"requirements": asked}
        root = roots.make_root("asked", job.get("layers", []) + layers, binds, installed)
        answer = hook_answer(step("build_wheel", lambda: hooks.run(backend, "/rennet/out"), source))
    wheel = answer.get("wheel")
    ports.phase("collect")
    content = collect(wheel)
    libraries = step("libraries", lambda: shared_libraries.find("/rennet/out/" + wheel), "/build/home")
    ports.output.add(wheel, content.fileno())
    return "ok", {"wheel": wheel, "hookRequirements": asked, "sharedLibraries": strings(libraries)}


def install(order, ports):
    try:
        return apt_get.install(order, ports)
    except apt_get.AptFailed as failed:
        return fail("prerequisites", *failed.args)


def fail(step, exit_status, message):
    raise StepFailed({"step": step, "exit": exit_status, "message": message})


def hook_answer(value):
    """What hooks.run says; the code of the package was in the same process, so it may say anything."""
    answer = value if isinstance(value, dict) else {}
    if "step" in answer:
        fail(process.one_line(str(answer["step"])), int(answer.get("exit", 1)), process.one_line(str(answer.get("message"))))
    return answer


def prepare_folders():
    user = process.user_id()
    for path in (WORK, "/rennet/out"):
        os.makedirs(path, exist_ok=True)
    os.mkdir(WORK + "/home")
    for path in (WORK, WORK + "/home", "/rennet/out"):
        os.chown(path, user, user)


def environment(job):
    """What Debian gives a plain shell, then what the host declared."""
    given = {str(name): str(value) for name, value in job.get("environment", {}).items()}
    return {"PATH": PATH, "HOME": "/build/home", "LANG": "C.UTF-8", "TERM": "dumb", "USER": "build", **given}


def collect(wheel):
    """The hook names the wheel; it must lie in the folder it was given, as a file of its own."""
    try:
        if not isinstance(wheel, str) or not wheel.endswith(".whl") or os.path.basename(wheel) != wheel:
            raise OSError("build_wheel did not return the name of a wheel")
        return open_regular("/rennet/out/" + wheel)
    except OSError as error:
        return fail("collect", 1, process.one_line(str(error)))


def strings(value):
    return [item for item in value if isinstance(item, str)][:200] if isinstance(value, list) else []
