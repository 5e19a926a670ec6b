"""The byte streams to the host: control (JSON lines), log, output, and the frames of the service."""

import json
import os
import time

MAX_LINE = 65536
PORTS = ("rennet.control", "rennet.log", "rennet.output", "rennet.service")
DEVICE_DEADLINE_SECONDS = 20


def open_channels(virtual):
    control, log, output, service = open_ports() if virtual else (3, 4, 5, 6)
    for descriptor in (control, log, output, service):
        os.set_inheritable(descriptor, False)
    return Control(control, virtual), Pipe(log), Pipe(output), service


def open_ports():
    """Finds the virtio-serial ports by name; there is no udev, so /dev/virtio-ports does not exist."""
    deadline = time.monotonic() + DEVICE_DEADLINE_SECONDS
    while True:
        found = port_devices()
        if all(name in found for name in PORTS):
            return (
                os.open(found[PORTS[0]], os.O_RDWR),
                os.open(found[PORTS[1]], os.O_WRONLY),
                os.open(found[PORTS[2]], os.O_WRONLY),
                os.open(found[PORTS[3]], os.O_RDWR),
            )
        if time.monotonic() > deadline:
            raise OSError("the virtio-serial ports did not appear: " + ", ".join(sorted(found)))
        time.sleep(0.02)


def port_devices(folder="/sys/class/virtio-ports"):
    found = {}
    for device in os.listdir(folder) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, device, "name"), encoding="ascii") as file:
            found[file.read().strip()] = "/dev/" + device
    return found


class Pipe:
    """A channel towards the host. The host may be slow: writing blocks, nothing is dropped."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view[:1048576]) :]

    def close(self):
        """The host knows by the result that all has come."""


class Control(Pipe):
    def __init__(self, descriptor, virtual):
        super().__init__(descriptor)
        self.virtual = virtual
        self.buffer = b""

    def send(self, message):
        self.write(encode(message) + b"\n")

    def fits(self, message):
        return len(encode(message)) <= MAX_LINE

    def receive(self, *kinds):
        """Waits for the next message, which must be of one of these kinds."""
        message = json.loads(self.line())
        if not isinstance(message, dict) or message.get("type") not in kinds:
            raise ValueError("expected %s from the host" % " or ".join(kinds))
        return message

    def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > MAX_LINE:
                raise ValueError("a control line from the host is longer than the protocol allows")
            data = os.read(self.descriptor, 65536)
            if not data and not self.virtual:
                raise EOFError("the host is gone")
            if not data:
                time.sleep(0.01)  # a virtio port reads as ended while nobody of the host is connected to it
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line


def encode(message):
    return json.dumps(message, ensure_ascii=True).encode("ascii")
