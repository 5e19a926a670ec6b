"""The one address that a guest has beside its loopback: on a dummy interface, which leads nowhere, or where the kernel has none of
these on the loopback itself. No route, no gateway, no network card."""

import fcntl
import os
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C  # netdevice(7)
IFF_UP = 1
DUMMY, LOOPBACK = "dummy0", "lo"


def raise_address(address):
    """Gives this machine the address. The kernel takes packets to its own addresses by the loopback, so that must be up too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        set_up(control, LOOPBACK)
        name = DUMMY if os.path.exists("/sys/class/net/" + DUMMY) else LOOPBACK + ":1"
        fcntl.ioctl(control, SIOCSIFADDR, request(name, address))
        fcntl.ioctl(control, SIOCSIFNETMASK, request(name, "255.255.255.255"))
        set_up(control, name)


def set_up(control, name):
    flags = struct.unpack("16xh", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", name.encode(), 0))[:18])[0]
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), flags | IFF_UP))


def request(name, address):
    """struct ifreq with a sockaddr_in."""
    return struct.pack("16sH2x4s8x", name.encode(), socket.AF_INET, socket.inet_aton(address))
