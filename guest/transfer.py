"""The job by HTTP instead of by folders: fetches what belongs into /rennet/in, uploads the output stream."""

import http.client
import json
import os
import shutil
import subprocess
import urllib.parse

import kernel
import tunnel

INPUT = "/rennet/in"
CHUNK = 1048576
SECONDS = 600


class Service:
    """The service of the host, as the order to run names it. Its tunnel is up only inside `with`."""

    def __init__(self, order, port):
        self.url, self.token = order["url"], order["token"]
        self.address = urllib.parse.urlsplit(self.url).hostname
        self.tunnel = tunnel.Tunnel(port, self.address)

    def __enter__(self):
        self.tunnel.start()
        return self

    def __exit__(self, *_):
        self.tunnel.stop()

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=SECONDS)

    def headers(self):
        return {"Authorization": "Bearer " + self.token}

    def get(self, connection, path):
        connection.request("GET", "/" + urllib.parse.quote(path), headers=self.headers())
        response = connection.getresponse()
        if response.status != 200:
            raise OSError("the host's service answered %d to GET /%s" % (response.status, path))
        return response

    def fetch_input(self):
        """Fills a memory file system at /rennet/in with the job's files, then closes it for writing."""
        kernel.mount("tmpfs", INPUT, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=87%")
        with self:
            connection = self.connect()
            for entry in json.load(self.get(connection, "files"))["files"]:
                place = os.path.join(INPUT, entry["path"])
                os.makedirs(os.path.dirname(place), exist_ok=True)
                response = self.get(connection, entry["path"])
                if entry["kind"] == "tree":
                    unpack_tree(response, place)
                else:
                    with open(place, "xb") as file:
                        shutil.copyfileobj(response, file, CHUNK)
                response.close()
            connection.close()
        kernel.mount(None, INPUT, None, kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)


def unpack_tree(response, place):
    os.mkdir(place)
    tar = subprocess.Popen(["tar", "-xpf", "-", "--same-owner", "-C", place], stdin=subprocess.PIPE)
    shutil.copyfileobj(response, tar.stdin, CHUNK)
    tar.stdin.close()
    if tar.wait() != 0:
        raise OSError("the layer %s could not be unpacked" % place)


class Upload:
    """Takes the place of the output channel: one PUT, begun with its first byte."""

    def __init__(self, service):
        self.service, self.connection = service, None

    def write(self, data):
        if self.connection is None:
            self.service.tunnel.start()
            self.connection = self.service.connect()
            self.connection.putrequest("PUT", "/result")
            for name, value in {**self.service.headers(), "Transfer-Encoding": "chunked"}.items():
                self.connection.putheader(name, value)
            self.connection.endheaders()
        view = memoryview(data)
        while view:
            part = view[:CHUNK]
            self.connection.send(b"%x\r\n" % len(part))
            self.connection.send(part)
            self.connection.send(b"\r\n")
            view = view[len(part) :]

    def close(self):
        if self.connection is None:
            return
        self.connection.send(b"0\r\n\r\n")
        response = self.connection.getresponse()
        if response.status != 204:
            raise OSError("the host's service answered %d to PUT /result" % response.status)
        self.connection.close()
        self.connection = None
        self.service.tunnel.stop()
