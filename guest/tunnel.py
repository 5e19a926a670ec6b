"""The guest's end of the service channel: listens at the well-known address and carries every connection as a stream of frames over
one virtio-serial port (README.md, "The service"). A thread of the agent; it runs only while no code of a package does, so that
none can reach it."""

import collections
import os
import selectors
import socket
import struct
import threading

import network

KINDS = OPEN, DATA, END, RESET, WINDOW = range(5)
HEADER = struct.Struct(">IB3s")
MAX_PAYLOAD = 65536
WINDOW_BYTES = 262144
# A write to a virtio port becomes one buffer of at most 32 KiB: a frame of ours fills it and no second one.
OUR_PAYLOAD = 32768 - HEADER.size
MAX_WAITING = 131072
PORT_NUMBER = 80


class Stream:
    """One connection. `credit`: what we may send to the host. `inbox`: what the connection has not taken yet, None for the end."""

    def __init__(self, number, connection):
        self.number, self.connection = number, connection
        self.credit, self.taken = WINDOW_BYTES, 0
        self.inbox = collections.deque()
        self.host_ended = self.we_ended = False


class Tunnel:
    def __init__(self, port, address):
        self.port, self.address = port, address
        self.streams, self.opened = {}, 0
        self.outbox, self.waiting, self.partial = collections.deque(), 0, b""
        self.is_up, self.thread = False, None
        os.set_blocking(port, False)

    def start(self):
        if not self.is_up:
            network.raise_address(self.address)
            self.is_up = True
        self.listener = socket.create_server((self.address, PORT_NUMBER), backlog=64)
        self.listener.setblocking(False)
        self.wake_read, self.wake_write = os.pipe()
        self.stopping = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def stop(self):
        """Nobody can connect afterwards; streams that are still open are reset."""
        self.stopping = True
        os.write(self.wake_write, b".")
        self.thread.join()
        self.thread = None
        for descriptor in (self.wake_read, self.wake_write):
            os.close(descriptor)

    def serve(self):
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.wake_read, selectors.EVENT_READ, lambda events: None)
        self.selector.register(self.port, selectors.EVENT_READ, self.on_port)
        while self.listener is not None or self.outbox:
            for key, events in self.selector.select():
                key.data(events)
            if self.stopping and self.listener is not None:
                os.read(self.wake_read, 1)
                self.close_all()
            self.flush()
            self.watch()
        self.selector.close()

    def close_all(self):
        self.selector.unregister(self.listener)
        self.listener.close()
        self.listener = None
        for stream in list(self.streams.values()):
            self.reset(stream)

    def accept(self, events):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.opened += 1
        stream = self.streams[self.opened] = Stream(self.opened, connection)
        self.say(OPEN, stream.number)
        self.selector.register(connection, selectors.EVENT_READ, lambda events: self.on_connection(stream, events))

    def say(self, kind, number, payload=b""):
        frame = HEADER.pack(number, kind, len(payload).to_bytes(3, "big")) + payload
        self.outbox.append(frame)
        self.waiting += len(frame)

    def flush(self):
        while self.outbox:
            frame = self.outbox[0]
            try:
                written = os.write(self.port, frame)
            except BlockingIOError:
                return
            self.waiting -= written
            if written < len(frame):
                self.outbox[0] = frame[written:]
            else:
                self.outbox.popleft()

    def watch(self):
        """Asks the kernel for what can be gone on with now."""
        self.selector.modify(self.port, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outbox else 0), self.on_port)
        for stream in self.streams.values():
            wanted = selectors.EVENT_WRITE if stream.inbox else 0
            if not stream.we_ended and stream.credit > 0 and self.waiting < MAX_WAITING:
                wanted |= selectors.EVENT_READ
            self.want(stream, wanted)

    def want(self, stream, wanted):
        key = self.selector.get_map().get(stream.connection.fileno())
        if key is None and wanted:
            self.selector.register(stream.connection, wanted, lambda events: self.on_connection(stream, events))
        elif key is not None and not wanted:
            self.selector.unregister(stream.connection)
        elif key is not None and key.events != wanted:
            self.selector.modify(stream.connection, wanted, key.data)

    def on_connection(self, stream, events):
        if stream.number not in self.streams:
            return
        if events & selectors.EVENT_WRITE:
            self.deliver(stream)
        if events & selectors.EVENT_READ and not stream.we_ended:
            self.take(stream)

    def take(self, stream):
        """From the connection to the host."""
        try:
            data = stream.connection.recv(min(stream.credit, OUR_PAYLOAD))
        except BlockingIOError:
            return
        except OSError:
            return self.reset(stream)
        if data:
            stream.credit -= len(data)
            return self.say(DATA, stream.number, data)
        stream.we_ended = True
        self.say(END, stream.number)
        self.forget_if_over(stream)

    def deliver(self, stream):
        """From the host to the connection, and the word that there is room again."""
        try:
            while stream.inbox:
                data = stream.inbox[0]
                if data is None:
                    stream.connection.shutdown(socket.SHUT_WR)
                    stream.inbox.popleft()
                    continue
                sent = stream.connection.send(data)
                stream.taken += sent
                if sent < len(data):
                    stream.inbox[0] = data[sent:]
                else:
                    stream.inbox.popleft()
        except BlockingIOError:
            pass
        except OSError:
            return self.reset(stream)
        if stream.taken >= WINDOW_BYTES // 2:
            self.say(WINDOW, stream.number, struct.pack(">I", stream.taken))
            stream.taken = 0
        self.forget_if_over(stream)

    def on_port(self, events):
        if not events & selectors.EVENT_READ:
            return
        try:
            data = os.read(self.port, 262144)
        except BlockingIOError:
            return
        if not data:
            raise EOFError("the host closed the service")
        data = self.partial + data
        at = 0
        while len(data) - at >= HEADER.size:
            number, kind, length = HEADER.unpack_from(data, at)
            end = at + HEADER.size + int.from_bytes(length, "big")
            if len(data) < end:
                break
            stream = self.streams.get(number)
            if stream is not None:
                self.hear(stream, kind, data[at + HEADER.size : end])
            at = end
        self.partial = data[at:]

    def hear(self, stream, kind, payload):
        if kind == WINDOW:
            stream.credit += struct.unpack(">I", payload)[0]
        elif kind == RESET:
            self.forget(stream)
        elif kind in (DATA, END):
            stream.host_ended = stream.host_ended or kind == END
            stream.inbox.append(memoryview(payload) if kind == DATA else None)
            self.deliver(stream)

    def reset(self, stream):
        self.say(RESET, stream.number)
        self.forget(stream)

    def forget_if_over(self, stream):
        if stream.we_ended and stream.host_ended and not stream.inbox:
            self.forget(stream)

    def forget(self, stream):
        self.streams.pop(stream.number, None)
        if stream.connection.fileno() in self.selector.get_map():
            self.selector.unregister(stream.connection)
        stream.connection.close()
