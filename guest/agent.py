"""The guest agent: answers the host's hello, runs one job, hands over its result, and never serves a second one.

Started as `python3 -B agent.py` (process 1 of a virtual machine, channels on virtio-serial ports) or
`python3 -B agent.py fds 512m` (process 1 of another driver, channels on the inherited descriptors 3 to 6; the
size is what a job may write). The protocol is in README.md.
"""

import json
import os
import sys
import time
import traceback

# All that a job may need is imported here, before hello: it is what the memory template freezes.
import build_job
import channels
import check_job
import kernel
import measure_job
import process
import root_job
import stdlib
import tests_job
import transfer
from output import OutputStream

PROTOCOL = 1
POWER_OFF_AFTER_SECONDS = 30
JOBS = {
    "build": build_job.run,
    "check": check_job.run,
    "tests": tests_job.run,
    "root": root_job.run,
    "measure": measure_job.run,
}


def main(arguments):
    virtual = "fds" not in arguments
    kernel.prepare_machine(virtual, "87%" if virtual else arguments[1])
    control, log, output, service_port = channels.open_channels(virtual)
    stdlib.warm()
    # The maker of a template knows by this line that the guest is worth freezing; other hosts pass over it.
    control.send({"type": "waiting", "protocol": PROTOCOL})
    order = control.receive("hello")
    while order["type"] == "hello":  # each is whole; those before the last one are rehearsals
        hello = order
        control.send(greet(hello, virtual))
        order = control.receive("hello", "run")
    if order.get("nonce") != hello["nonce"]:
        raise ValueError("run carries another nonce than hello")
    service = transfer.Service(order["service"], service_port) if "service" in order else None
    stream = OutputStream(transfer.Upload(service) if service else output)
    status, facts = serve(virtual, order, service, control, log, stream)
    stream.close()
    result = {"type": "result", "nonce": hello["nonce"], "status": status, "facts": facts}
    result.update({"files": stream.files, "bytes": stream.bytes, "sha512": stream.sha512})
    if not control.fits(result):
        result.update({"status": "failed", "facts": {"step": "agent", "exit": 1, "message": "the facts are too long"}})
    control.send(result)
    time.sleep(POWER_OFF_AFTER_SECONDS)  # the host destroys the guest long before


def greet(hello, virtual):
    """Makes this clone differ from its siblings (randomness, clock, identity) and answers hello."""
    if hello.get("protocol") != PROTOCOL:
        raise ValueError("the host speaks another protocol")
    reseeded = kernel.reseed(hello["random"], virtual)
    kernel.set_clock(hello["time"], virtual)
    kernel.set_identity(hello["machineId"], hello["hostName"], virtual)
    kernel.forget_disks(virtual)
    return {
        "type": "ready",
        "protocol": PROTOCOL,
        "nonce": hello["nonce"],
        "reseeded": reseeded,
        "clock": time.time(),
        "random": os.urandom(16).hex(),
    }


def serve(virtual, order, service, control, log, stream):
    """Runs the one job; whatever goes wrong in the agent itself becomes a failed result with its traceback in the log."""

    def phase(name):
        control.send({"type": "phase", "name": name})

    try:
        process.limits["processes"] = int(order.get("processes", 0))
        process.limits["filtered"] = not virtual
        if service:
            phase("fetch")
            service.fetch_input()
        else:
            kernel.mount_input(virtual)
        with open("/rennet/in/job.json", encoding="utf-8") as file:
            job = json.load(file)
        if job.get("protocol") != PROTOCOL:
            raise ValueError("job.json speaks another protocol")
        return JOBS[job["kind"]](job, process.Ports(log=log.write, phase=phase, output=stream, service=service))
    except Exception as error:  # noqa: BLE001 - the host must hear of it
        log.write(traceback.format_exc().encode("utf-8", "backslashreplace"))
        return "failed", {"step": "agent", "exit": 1, "message": process.one_line(error)}


if __name__ == "__main__":
    exit_status = 0
    try:
        main(sys.argv[1:])
    except BaseException:  # noqa: BLE001 - pid 1 must not die of it: a kernel panic tells the operator nothing
        exit_status = 1
        traceback.print_exc()
    kernel.power_off(exit_status)
