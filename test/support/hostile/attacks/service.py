"""Attacks on the service channel: frames and HTTP of our own making, past the agent that would speak them well."""

import os
import random
import struct
import threading
import time

OPEN, DATA, END, RESET, WINDOW = range(5)


def frame(kind, stream, payload=b""):
    return struct.pack(">IB", stream, kind) + len(payload).to_bytes(3, "big") + payload


def request(guest, line, token=None, headers=(), body=b""):
    token = guest.order["service"]["token"] if token is None else token
    fields = ["Host: 192.0.2.1", "Authorization: Bearer " + token, "Connection: close", *headers]
    return (line + " HTTP/1.1\r\n" + "".join(field + "\r\n" for field in fields) + "\r\n").encode() + body


def ask(guest, stream, data):
    """One request on a stream of its own; what was answered, until the host ends the stream."""
    guest.service.write(frame(OPEN, stream) + frame(DATA, stream, data))
    answer = b""
    while True:
        kind, payload = hear(guest, stream)
        answer += payload
        if kind == END:
            guest.service.write(frame(END, stream))  # else the host keeps its end, and there are 64 of them at most
        if kind in (END, RESET):
            return answer


def hear(guest, stream):
    """The next frame on a stream; the window of data is given back at once, and only data has a payload here."""
    while True:
        number, kind, payload = next_frame(guest)
        if number != stream:
            continue
        if kind == DATA:
            guest.service.write(frame(WINDOW, stream, struct.pack(">I", len(payload))))
        return kind, payload if kind == DATA else b""


def next_frame(guest):
    held = guest.__dict__.setdefault("held", bytearray())
    while len(held) < 8 or len(held) < 8 + int.from_bytes(held[5:8], "big"):
        data = os.read(guest.service.descriptor, 65536)
        if not data:
            time.sleep(0.01)
        held += data
    number, kind = struct.unpack_from(">IB", held)
    length = int.from_bytes(held[5:8], "big")
    payload = bytes(held[8 : 8 + length])
    del held[: 8 + length]
    return number, kind, payload


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def other_paths(guest, paths):
    """Asks for what is not on the list; facts say what was answered."""
    guest.ready()
    answers = {path: status(ask(guest, number + 1, request(guest, "GET " + path))) for number, path in enumerate(paths)}
    guest.result(facts=answers, bytes=0)


def other_tokens(guest, tokens):
    guest.ready()
    answers = [status(ask(guest, number + 1, request(guest, "GET /job", token))) for number, token in enumerate(tokens)]
    own = status(ask(guest, len(tokens) + 1, request(guest, "GET /job")))
    guest.result(facts={"answers": answers, "own": own})


def other_methods(guest, methods):
    guest.ready()
    answers = {}
    for number, method in enumerate(methods):
        answers[method] = status(ask(guest, number + 1, request(guest, method + " /job", None, ["Content-Length: 0"])))
    guest.result(facts=answers)


def huge_body(guest, waits):
    """An upload without end, by chunks, as fast as windows allow; where it does not wait for them, beside them."""
    guest.ready()
    head = request(guest, "PUT /result", None, ["Transfer-Encoding: chunked"])
    guest.service.write(frame(OPEN, 1) + frame(DATA, 1, head))
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    left = 262144 - len(head)
    while True:
        while waits and left < len(chunk):
            _, kind, payload = next_frame(guest)
            left += struct.unpack(">I", payload)[0] if kind == WINDOW else 0
        guest.service.write(frame(DATA, 1, chunk))
        left -= len(chunk)


def huge_header(guest):
    guest.ready()
    guest.result(facts={"status": status(ask(guest, 1, request(guest, "GET /job", None, ["X: " + "x" * 60000])))})


def slow_loris(guest, streams):
    """Many requests that never end, a byte at a time, until the host has ended them all."""
    guest.ready()
    living = set(range(1, streams + 1))
    for number in sorted(living):
        guest.service.write(frame(OPEN, number) + frame(DATA, number, b"GET /job HTTP/1.1\r\nX: "))
    heard = threading.Thread(target=hear_ends, args=(guest, living), daemon=True)
    heard.start()
    while heard.is_alive():
        for number in sorted(living):
            guest.service.write(frame(DATA, number, b"x"))
        heard.join(0.5)
    guest.result(facts={"ended": streams - len(living)})


def hear_ends(guest, living):
    while living:
        number, kind, _ = next_frame(guest)
        if kind in (END, RESET):
            living.discard(number)


def many_streams(guest, streams):
    """Opens stream after stream; all are begun and none is ended."""
    guest.ready()
    for number in range(1, streams + 1):
        guest.service.write(frame(OPEN, number))
    guest.result(facts={"opened": streams})


def sent_ahead(guest, streams):
    """Hundreds of requests ahead on every stream, and no answer is read."""
    guest.ready()
    asked = request(guest, "GET /job").replace(b"Connection: close\r\n", b"") * 300
    for number in range(1, streams + 1):
        guest.service.write(frame(OPEN, number))
        for at in range(0, len(asked), 0x8000):
            guest.service.write(frame(DATA, number, asked[at : at + 0x8000]))
    guest.result(facts={"asked": 300 * streams})


def stream_flood(guest):
    """Stream after stream, each with as many requests as one may have, ten of them ahead."""
    guest.ready()
    asked = request(guest, "GET /job").replace(b"Connection: close\r\n", b"") * 10
    for stream in range(1, 4096):
        guest.service.write(frame(OPEN, stream))
        for _ in range(99):
            guest.service.write(frame(DATA, stream, asked))
            answered = b""
            while answered.count(b"HTTP/1.1 200 ") < 10:
                answered += hear(guest, stream)[1]
        guest.service.write(frame(END, stream))


def refused_without_end(guest):
    guest.ready()
    for number in range(1, 4000):
        ask(guest, number, request(guest, "GET /x"))


def on_the_folder_channel(guest):
    """Speaks to a service that this job does not have."""
    guest.ready()
    guest.service.write(frame(OPEN, 1))


def noise(guest, seed):
    """Nearly right frames, then noise; the same for the same seed."""
    chance = random.Random(seed)
    guest.ready()
    for number in range(1, 200):
        kind = chance.choice((OPEN, OPEN, DATA, END, RESET, WINDOW, 5, 255))
        stream = chance.choice((number, 1, 0, 2**32 - 1, chance.randrange(300)))
        payload = bytes(chance.randrange(256) for _ in range(chance.choice((0, 0, 4, 4, 1, 300))))
        guest.service.write(frame(kind, stream, payload))
    guest.service.write(bytes(chance.randrange(256) for _ in range(70000)))
