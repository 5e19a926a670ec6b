"""Uses the channel that the job came by (`rennet bench channel`): a large file in, many small files in, bytes out. The host takes the
time from phase to phase: the clock of an emulated guest runs at its own pace."""

import os

INPUT = "/rennet/in"
CHUNK = 1048576


def run(job, ports):
    facts = {}
    for name, measure in (("input", read_large), ("requests", read_small), ("output", write_output)):
        ports.phase(name)
        facts[name] = measure(job, ports)
    ports.phase("end")
    return "ok", facts


def read_large(job, ports):
    if ports.service is None:
        return read_file(os.path.join(INPUT, job["large"]))
    with ports.service as service:
        connection = service.connect()
        response = service.get(connection, job["large"])
        size = 0
        while True:
            data = response.read(CHUNK)
            if not data:
                connection.close()
                return size
            size += len(data)


def read_small(job, ports):
    paths = ["small/%d" % number for number in range(job["small"])]
    if ports.service is None:
        for path in paths:
            read_file(os.path.join(INPUT, path))
        return len(paths)
    with ports.service as service:
        connection = service.connect()
        for path in paths:
            service.get(connection, path).read()
        connection.close()
    return len(paths)


def read_file(path):
    size = 0
    with open(path, "rb", buffering=0) as file:
        while True:
            data = file.read(CHUNK)
            if not data:
                return size
            size += len(data)


def write_output(job, ports):
    """Until the host has taken it all: the last write returns, or the upload is answered."""
    data = bytes(CHUNK)
    for _ in range(job["outputMiB"]):
        ports.output.write(data)
    ports.output.close()
    return ports.output.bytes
