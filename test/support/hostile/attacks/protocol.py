"""Attacks on the protocol: what a guest says, in which order, and how much of it."""

import hashlib
import json
import random
import time

import kernel

FORGED = {"type": "result", "status": "ok", "files": 0, "bytes": 0, "facts": {"forged": True}}
NOTHING = hashlib.sha512().hexdigest()


def result_before_ready(guest):
    guest.say({**FORGED, "nonce": guest.hello["nonce"], "sha512": NOTHING})


def output_before_ready(guest):
    guest.output.write(b"x" * 100)


def stale_ready(guest, fields):
    """Answers hello with what no fresh guest would say."""
    guest.greet(**fields)


def another_nonce(guest):
    guest.ready()
    guest.result(b"x", nonce="0" * 32)


def wrong_digest(guest):
    guest.ready()
    guest.result(b"x" * 10000, sha512=NOTHING)


def fewer_bytes(guest):
    """Says less than it gives: the rest would be an output that no digest covers."""
    guest.ready()
    guest.result(b"x" * 10000, bytes=9999)


def more_bytes(guest):
    """Says more than it gives, and goes off."""
    guest.ready()
    guest.result(b"x" * 10000, bytes=10001)
    kernel.power_off(0)


def two_results(guest):
    """The second comes while the host still waits for the output of the first."""
    guest.ready()
    claim = {**FORGED, "nonce": guest.hello["nonce"], "files": 1, "bytes": 10, "sha512": NOTHING}
    guest.say(claim)
    guest.say(claim)


def writes_on(guest):
    """Gives a right result and writes on, on all channels, until it is destroyed."""
    guest.ready()
    guest.result(b"x" * 1000)
    while True:
        for port in (guest.output, guest.log, guest.control):
            port.write(b"y" * 65536)


def many_files(guest, files):
    guest.ready()
    guest.result(b"x", files=files)


def endless_output(guest):
    guest.ready()
    while True:
        guest.output.write(b"x" * 1048576)


def endless_log(guest, piece):
    """`piece` again and again: one line without an end, or many short ones."""
    guest.ready()
    data = piece.encode() * (262144 // len(piece))
    while True:
        guest.log.write(data)


def endless_line(guest):
    guest.ready()
    while True:
        guest.say(b"x" * 65536)


def phases_without_end(guest):
    guest.ready()
    while True:
        guest.say({"type": "phase", "name": "x" * 64})


def deep_facts(guest):
    """Facts that are as deep as a line allows, with keys that mean something to JavaScript."""
    guest.ready()
    depth = 30000
    facts = b'{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"deep":' + b"[" * depth + b"]" * depth
    line = b'{"type":"result","nonce":"%s","status":"ok","files":0,"bytes":0,"sha512":"%s","facts":%s}}\n'
    guest.say(line % (guest.hello["nonce"].encode(), NOTHING.encode(), facts))


def log_of_escapes(guest, text):
    guest.ready()
    guest.log.write(text.encode())
    guest.result()


def at_the_last_moment(guest, seconds):
    """Gives its result just when its time is over."""
    guest.ready()
    time.sleep(seconds)
    guest.result()


def silent(guest):
    guest.ready()


def busy(guest, seconds=3600):
    guest.ready()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    guest.result()


def chatty(guest):
    """Gives a sign of life as often as keeps it from being idle, and never ends."""
    guest.ready()
    while True:
        guest.log.write(b".")
        time.sleep(0.2)


def hand_over(guest, files=1, facts=None):
    """Gives an archive that the test laid on the input disk as if a build had made it."""
    guest.ready()
    kernel.mount_input(True)
    with open("/rennet/in/archive", "rb") as file:
        guest.result(file.read(), files=files, facts=facts or {"wheel": "demo-1.0-py3-none-any.whl"})


def fuzz(guest, seed, ready):
    """Lines that are nearly messages, then noise; the same for the same seed."""
    chance = random.Random(seed)
    if ready:
        guest.ready()
    values = [None, True, -1, 2**53, 1e308, "", "x" * 5000, [], {}, [[]], "\u202e", guest.hello["nonce"], NOTHING, "ok"]
    for _ in range(50):
        message = {**FORGED, "nonce": guest.hello["nonce"], "sha512": NOTHING}
        message["type"] = chance.choice(["result", "ready", "waiting", "phase", "hello", "run", "", None])
        for key in chance.sample(sorted(message), 3) + ["protocol"]:
            message[key] = chance.choice(values)
        line = bytearray(json.dumps(message).encode())
        for _ in range(chance.randrange(4)):
            line[chance.randrange(len(line))] = chance.randrange(256)
        guest.say(bytes(line) + b"\n")
    guest.say(bytes(chance.randrange(256) for _ in range(200)) + b"\n")
