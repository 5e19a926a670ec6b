"""Keeps sealed memories (templates of machines) alive between runs of rennet: memfds die with their last holder.

Usage: keeper.py SOCKET IDLE_SECONDS REHASH_SECONDS. One JSON object a line each way over a UNIX socket; each connection is a lease. Without
any lease for IDLE_SECONDS it runs the registered idle-stop commands (the private database's), frees everything and ends. Every REHASH_SECONDS
it hashes all sealed memories again, while nobody asks for anything, and drops one, with its siblings, where its bytes have changed.
See docs/decisions/0004-keeper.md. Python because Node has no memfd_create(2).
"""

import asyncio
import concurrent.futures
import fcntl
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
import time

PROTOCOL = 3
MAX_LINE = 65536
BLOCK = 64 << 10
ZEROS = bytes(BLOCK)
QUIET_SECONDS = 2  # that long nobody must have asked for anything before a memory is hashed again
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Refused(Exception):
    """What the caller asked for cannot be done; the text goes back to it."""


class Memory:
    def __init__(self, name, size, owner):
        self.fd = os.memfd_create("rennet-" + name[:32], os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        self.owner = owner  # the connection that is still filling it; None once it is sealed
        self.trier = None  # the connection that is still trying it, sealed, and goes with it; None once it is switched
        self.note = None  # what the one who sealed it wants others to know
        self.sha256 = None  # what its bytes must be for ever, once it is sealed
        self.verified_at = None  # when they were found to be so, seconds since 1970

    def describe(self, name):
        status = os.fstat(self.fd)
        return {
            "name": name,
            "fd": self.fd,
            "inode": status.st_ino,
            "bytes": status.st_size,
            "usedBytes": status.st_blocks * 512,
            "sealed": self.owner is None,
            "note": self.note,
            "verifiedAt": self.verified_at,
        }


class Keeper:
    def __init__(self, path, idle_seconds, rehash_seconds):
        self.path = path
        self.idle_seconds = idle_seconds
        self.rehash_seconds = rehash_seconds
        self.asked_at = time.monotonic()
        self.memories = {}
        self.idle_stops = []
        self.connections = set()
        self.idle = None
        self.end = asyncio.Event()

    # Each method named op_… is one request.

    async def op_hello(self, connection, request):
        return {"protocol": PROTOCOL, "pid": os.getpid()}

    async def op_create(self, connection, request):
        name = request["name"]
        if name in self.memories:
            raise Refused("exists")
        self.memories[name] = Memory(name, int(request["bytes"]), connection)
        return self.memories[name].describe(name)

    async def op_seal(self, connection, request):
        """From here on nobody can change it, not even a guest that took its QEMU over."""
        memory = self.get(request)
        fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, SEALS)
        memory.owner = None
        memory.trier = connection if request["onTrial"] else None
        memory.note = request.get("note")
        memory.sha256 = request["sha256"]
        memory.verified_at = time.time()
        return memory.describe(request["name"])

    async def op_switch(self, connection, request):
        """Gives sealed memories other names, all at once; what had these names before goes. Whoever mapped that keeps it."""
        pairs = [(str(old), str(new)) for old, new in request["names"]]
        if any(old not in self.memories or self.memories[old].owner is not None for old, _ in pairs):
            raise Refused("missing")
        for old, new in pairs:
            self.drop(new)
            self.memories[new] = self.memories.pop(old)
            self.memories[new].trier = None
        return {}

    async def op_find(self, connection, request):
        memory = self.memories.get(request["name"])
        return {"found": memory.describe(request["name"]) if memory else None}

    async def op_list(self, connection, request):
        return {"memories": [memory.describe(name) for name, memory in self.memories.items()]}

    async def op_drop(self, connection, request):
        return {"dropped": self.drop(request["name"])}

    async def op_digest(self, connection, request):
        return {"sha256": await asyncio.to_thread(digest, os.dup(self.get(request).fd))}

    async def op_save(self, connection, request):
        """Writes it to a new file; only what is not a hole takes space there."""
        return {"sha256": await asyncio.to_thread(save, os.dup(self.get(request).fd), request["path"])}

    async def op_load(self, connection, request):
        """Fills an unsealed memory from a file that `save` wrote."""
        return {"sha256": await asyncio.to_thread(load, request["path"], os.dup(self.get(request).fd))}

    async def op_idleStop(self, connection, request):
        command = [str(word) for word in request["command"]]
        if command not in self.idle_stops:
            self.idle_stops.append(command)
        return {}

    async def op_stop(self, connection, request):
        self.end.set()
        return {}

    def drop(self, name):
        memory = self.memories.pop(name, None)
        if memory:
            os.close(memory.fd)
        return memory is not None

    async def rehash(self):
        """For ever: all sealed memories, that first which was looked at longest ago, when nothing else is going on."""
        worker = concurrent.futures.ThreadPoolExecutor(1, initializer=be_nice)
        while True:
            await asyncio.sleep(self.rehash_seconds)
            sealed = [(memory.verified_at, name) for name, memory in self.memories.items() if memory.verified_at]
            for _, name in sorted(sealed):
                if time.monotonic() - self.asked_at < min(QUIET_SECONDS, self.rehash_seconds):
                    break
                if memory := self.memories.get(name):
                    await self.verify(name, memory, worker)

    async def verify(self, name, memory, worker):
        found = await asyncio.get_running_loop().run_in_executor(worker, digest, os.dup(memory.fd))
        if found == memory.sha256:
            memory.verified_at = time.time()
        elif self.memories.get(name) is memory:
            print("%s: its bytes have changed; it is dropped and made anew" % name, flush=True)
            stem = name.rsplit(".", 1)[0]
            for other in [other for other in self.memories if other.rsplit(".", 1)[0] == stem]:
                self.drop(other)

    def get(self, request):
        memory = self.memories.get(request["name"])
        if memory is None:
            raise Refused("missing")
        return memory

    async def serve(self, reader, writer):
        connection = object()
        self.connections.add(connection)
        if self.idle:
            self.idle.cancel()
        try:
            while line := await reader.readline():
                self.asked_at = time.monotonic()
                writer.write(json.dumps(await self.answer(connection, line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the other end is gone, or sent an endless line
        finally:
            writer.close()
            self.connections.discard(connection)
            for name in [name for name, memory in self.memories.items() if connection in (memory.owner, memory.trier)]:
                self.drop(name)  # half made, or half tried, by one that was killed
            if not self.connections:
                self.idle = asyncio.get_running_loop().call_later(self.idle_seconds, self.end.set)

    async def answer(self, connection, line):
        try:
            request = json.loads(line)
            return {"ok": await getattr(self, "op_" + request["op"])(connection, request)}
        except Refused as refusal:
            return {"refused": str(refusal)}
        except Exception as error:  # noqa: BLE001 - one bad request must not cost the others their templates
            return {"error": "%s: %s" % (type(error).__name__, error)}

    async def run(self):
        if os.path.lexists(self.path) and stat.S_ISSOCK(os.lstat(self.path).st_mode):
            os.unlink(self.path)  # of a keeper that was killed; the starter holds the lock
        os.umask(0o177)
        server = await asyncio.start_unix_server(self.serve, self.path, limit=MAX_LINE)
        self.idle = asyncio.get_running_loop().call_later(self.idle_seconds, self.end.set)
        rehash = asyncio.create_task(self.rehash())
        await self.end.wait()
        rehash.cancel()
        os.unlink(self.path)
        server.close()
        for command in self.idle_stops:
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False)


def be_nice():
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # of this thread alone (setpriority(2), "C library/kernel differences")


def extents(fd):
    """The parts of a file that are not holes: (offset, length), in order."""
    size = os.fstat(fd).st_size
    start = 0
    while start < size:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, end - start
        start = end


def pieces(fd):
    """Blocks at multiples of BLOCK that hold anything but zeros; the same for every file with the same content, however its holes lie."""
    done = 0
    for start, length in extents(fd):
        for at in range(max(done, start - start % BLOCK), start + length, BLOCK):
            block = os.pread(fd, BLOCK, at)
            done = at + BLOCK
            if block != ZEROS[: len(block)]:
                yield at, block


def digest(fd):
    return copy(fd, None)


def save(fd, path):
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return copy(fd, target)


def load(path, target):
    return copy(os.open(path, os.O_RDONLY), target)


def copy(source, target):
    """Copies the blocks that hold something, and hashes them with their places: a file and its sparse copy give the same digest."""
    sha256 = hashlib.sha256()
    size = os.fstat(source).st_size
    sha256.update(b"%d\n" % size)
    try:
        if target is not None:
            os.ftruncate(target, size)
        for at, piece in pieces(source):
            sha256.update(b"%d\n" % at)
            sha256.update(piece)
            if target is not None:
                os.pwrite(target, piece, at)
        return sha256.hexdigest()
    finally:
        os.close(source)
        if target is not None:
            os.close(target)


if __name__ == "__main__":

    async def main():
        await Keeper(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])).run()

    asyncio.run(main())
