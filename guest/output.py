"""The output stream: a deterministic ustar archive of regular files, hashed while it is written."""

import hashlib
import io
import os
import stat
import tarfile


class OutputStream:
    def __init__(self, pipe):
        self.pipe = pipe
        self.digest = hashlib.sha512()
        self.bytes = 0
        self.files = 0

    @property
    def sha512(self):
        return self.digest.hexdigest()

    def write(self, data):
        self.digest.update(data)
        self.bytes += len(data)
        self.pipe.write(data)

    def add(self, name, descriptor):
        """Adds an open regular file. Owner, times and mode carry nothing of this machine."""
        self.add_sized(name, os.fstat(descriptor).st_size, descriptor)

    def add_sized(self, name, size, descriptor):
        """Adds the first `size` bytes that can be read, from a pipe too."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o644, 0
        # ustar holds 100 bytes of a name without folders; a longer one takes GNU's form, never pax records.
        form = tarfile.USTAR_FORMAT if len(os.fsencode(name)) <= 100 else tarfile.GNU_FORMAT
        self.write(entry.tobuf(form, "utf-8", "surrogateescape"))
        left = size
        while left > 0:
            data = os.read(descriptor, min(left, 1048576))
            if not data:
                raise OSError("%s became shorter while it was read" % name)
            self.write(data)
            left -= len(data)
        self.write(bytes(-size % tarfile.BLOCKSIZE))
        self.files += 1

    def close(self):
        if self.files:
            self.write(bytes(2 * tarfile.BLOCKSIZE))
        self.pipe.close()


def open_regular(path):
    """Opens a file that the job made; a link or device in its place is refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("%s is not a regular file" % path)
    return io.FileIO(descriptor)
