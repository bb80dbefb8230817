"""The interfaces of the network that this process is in, by ioctl: up, addresses, a bridge and its ports.

Source of the numbers: linux/sockios.h, linux/if.h and linux/if_tun.h; a `struct ifreq` is 40 bytes where pointers have
8 (netdevice(7)).
"""

import fcntl
import os
import socket
import struct

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCGIFADDR, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8915, 0x8916, 0x891C
_SIOCBRADDBR, _SIOCBRADDIF = 0x89A0, 0x89A2
_TUNSETIFF, _TUNSETPERSIST = 0x400454CA, 0x400454CB
_IFF_UP, _IFF_NOARP = 1, 0x80
_IFF_TAP, _IFF_NO_PI = 2, 0x1000
_IFREQ = "16s24s"
_TUN = "/dev/net/tun"


class Links:
    """The interfaces; each error's `filename` names what was refused."""

    def __init__(self) -> None:
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def up(self, name: str, *, arp: bool = True) -> None:
        """Switch one on; without `arp` nobody is answered who looks for its addresses (net/ipv4/arp.c, arp_rcv)."""
        self._set(_SIOCSIFFLAGS, name, struct.pack("=h", _IFF_UP if arp else _IFF_UP | _IFF_NOARP))

    def is_up(self, name: str) -> bool:
        """Whether one is switched on; with a cable or without."""
        said = fcntl.ioctl(self._control, _SIOCGIFFLAGS, struct.pack(_IFREQ, name.encode(), b""))
        return bool(struct.unpack_from("=h", said, 16)[0] & _IFF_UP)

    def address(self, name: str, text: str) -> None:
        """IP/PREFIX on an interface, or on a label of it ("lo:1")."""
        ip, _, prefix = text.partition("/")
        mask = socket.inet_ntoa(struct.pack("!I", 0xFFFFFFFF << 32 - int(prefix) & 0xFFFFFFFF))
        for request, value in ((_SIOCSIFADDR, ip), (_SIOCSIFNETMASK, mask)):
            self._set(request, name, struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(value)))

    def bridge(self, name: str) -> None:
        """A new bridge."""
        try:
            fcntl.ioctl(self._control, _SIOCBRADDBR, struct.pack("16s", name.encode()))
        except OSError as error:
            raise OSError(error.errno, error.strerror, "a bridge") from error

    def tap(self, name: str, bridge: str) -> None:
        """One that waits for a program to open it, as a port of the bridge."""
        descriptor = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
            fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"a tap by {_TUN}") from error
        finally:
            os.close(descriptor)
        self.port(name, bridge)

    def port(self, name: str, bridge: str) -> None:
        """One that is here already, as a port of the bridge, and up."""
        self._set(_SIOCBRADDIF, bridge, struct.pack("=i", socket.if_nametoindex(name)))
        self.up(name)

    def has_address(self, name: str) -> bool:
        """Whether it has one of IPv4."""
        try:
            fcntl.ioctl(self._control, _SIOCGIFADDR, struct.pack(_IFREQ, name.encode(), b""))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """The end of it."""
        self._control.close()

    def _set(self, request: int, name: str, value: bytes) -> None:
        try:
            fcntl.ioctl(self._control, request, struct.pack(_IFREQ, name.encode(), value))
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"interface {name}") from error
