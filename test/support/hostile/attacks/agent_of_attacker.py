"""A guest that has been the attacker's since its first instruction. It behaves until hello names an attack.

Started by the initrd of image.ts in place of the honest agent, as process 1 with every capability. It is the honest agent until hello,
so that a template is made of it and passes its trial; then, where the name of the job is an attack (JSON), it does what that says.
"""

import json
import sys

sys.path[:0] = ["/usr/lib/rennet", "/run/attacks"]
sys.dont_write_bytecode = True

import agent  # noqa: E402
import channels  # noqa: E402
import kernel  # noqa: E402

opened = []
open_honestly = channels.open_channels


class Guest:
    """What an attack gets: the channels, hello as it came, and the messages that an honest guest would send."""

    def __init__(self, hello, ports):
        self.hello = hello
        self.take(ports)

    def take(self, ports):
        self.control, self.log, self.output, service = ports
        self.service = channels.Pipe(service)

    def reopen(self):
        """The channels again, after their driver was taken away and given back."""
        import time

        while True:
            try:
                self.take(open_honestly(True))
                return
            except FileNotFoundError:  # a port of the old life, just going
                time.sleep(0.02)

    def say(self, message):
        self.control.write(message if isinstance(message, bytes) else channels.encode(message) + b"\n")

    def greet(self, **fields):
        """Says ready, right or with fields replaced; nothing is waited for."""
        self.say({**agent.greet(self.hello, True), **fields})

    def ready(self):
        """Says ready and waits for the order to run."""
        self.greet()
        self.order = self.control.receive("run")
        self.log.write(b"started\n")

    def result(self, data=b"", **fields):
        """Hands over `data` and says so, right or with fields replaced."""
        import hashlib

        self.output.write(data)
        claim = {"type": "result", "nonce": self.hello["nonce"], "status": "ok", "files": 1, "facts": {}}
        claim.update({"bytes": len(data), "sha512": hashlib.sha512(data).hexdigest()})
        self.say({**claim, **fields})

    def rest(self):
        """Stays, so that the host has to end it."""
        import time

        while True:
            time.sleep(60)


class Turncoat(channels.Control):
    def receive(self, *kinds):
        message = super().receive(*kinds)
        if message["type"] == "hello":
            turn(message)
        return message


def open_channels(virtual):
    control, *others = open_honestly(virtual)
    control.__class__ = Turncoat
    opened.extend([control, *others])
    return control, *others


def turn(hello):
    """Attacks where the job's name says how; a trial of the template has another, and goes on with the honest agent."""
    if not hello["job"].startswith("{"):
        return
    for place in ("/sys", "/proc", "/dev"):  # a template's are read-only or without devices
        kernel.mount(None, place, None, kernel.MS_REMOUNT)
    attack = json.loads(hello["job"])
    guest = Guest(hello, opened)
    getattr(__import__(attack["module"]), attack["name"])(guest, **attack["arguments"])
    guest.rest()


channels.open_channels = open_channels
try:
    agent.main([])
except BaseException:  # noqa: BLE001
    import traceback

    traceback.print_exc()
    for pipe in opened[1:2]:
        pipe.write(traceback.format_exc().encode())
kernel.power_off(1)
