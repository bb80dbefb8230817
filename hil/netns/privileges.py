"""What each process of a bench's network needs of root's powers, and how it gives up the rest. Starts nothing.

The holder runs without site and environment, so that this imports nothing of hil. Source of the numbers:
linux/capability.h and linux/prctl.h; of what a process is left with: capabilities(7).

| process | keeps | for |
|---|---|---|
| the holder, on the host's side | dac_read_search | unix sockets below a folder of another user, as after `sudo -E` |
| the holder, in the namespace | net_bind_service | to listen at ports below 1024 there |
| dnsmasq | net_admin, net_raw, net_bind_service, dac_read_search | see `DNSMASQ` |
| what asks the wire, or the host's own servers | net_raw, net_admin | raw frames; the share answers ARP afterwards |
| QEMU and a board's bootloader | all | they are the rig's machines: they open taps, and files of the user's |

Making the namespace takes sys_admin, and what is in it net_admin there; lending a port of the host takes net_admin on
the host. The holder has done both before it gives them up. In a user namespace all of these are over that alone.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Collection, Sequence

DAC_READ_SEARCH, NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 2, 10, 12, 13

HOLDER_OUTSIDE = frozenset({DAC_READ_SEARCH})
HOLDER_INSIDE = frozenset({NET_BIND_SERVICE})
DNSMASQ = frozenset({DAC_READ_SEARCH, NET_BIND_SERVICE, NET_ADMIN, NET_RAW})
"""It binds ports 53, 67 and 69, answers clients that have no address yet (an ARP entry: net_admin) and pings by raw
sockets (dnsmasq, dnsmasq.c, where it drops the rest itself if it changes its user), and reads the bench's folder."""
ASK_WIRE = frozenset({NET_RAW, NET_ADMIN})

_NAMES = {
    DAC_READ_SEARCH: "dac_read_search",
    NET_BIND_SERVICE: "net_bind_service",
    NET_ADMIN: "net_admin",
    NET_RAW: "net_raw",
}
_VERSION_3 = 0x20080522
_CAPBSET_READ, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 23, 24, 38, 47, 4


def confined(argv: Sequence[str], keep: Collection[int]) -> list[str]:
    """The command that runs a program with these capabilities and no way to others; setpriv(1) becomes the program.

    Args:
        argv: the program; the caller is root, in its user namespace at least.
        keep: numbers of capabilities.
    """
    bounding = ",".join(["-all", *(f"+{_NAMES[number]}" for number in sorted(keep))])
    return ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounding}", "--", *argv]


def drop(keep: Collection[int]) -> None:
    """Give up all capabilities of this process but these, for it and what it starts; what it lacks, it does not get.

    Args:
        keep: numbers of capabilities.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", _VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    _checked(libc.capget(header, held))
    effective, permitted, _, *high = struct.unpack("=6I", held.raw)
    number = 0
    # A process that may not change its bounding set (it lacks setpcap) gains nothing by it without set-user-ID
    # programs, which no_new_privs shuts out.
    while _prctl(libc, _CAPBSET_READ, number) >= 0:
        if number not in keep:
            _prctl(libc, _CAPBSET_DROP, number)
        number += 1
    _prctl(libc, _CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    mask = sum(1 << number for number in keep)
    low = (effective & mask, permitted & mask, 0)
    _checked(libc.capset(header, struct.pack("=6I", *low, high[0] & mask >> 32, high[1] & mask >> 32, 0)))
    _checked(_prctl(libc, _SET_NO_NEW_PRIVS, 1))


def _prctl(libc: ctypes.CDLL, option: int, argument: int) -> int:
    # The rest must be 0 in all their bits (prctl(2)).
    done: int = libc.prctl(option, *(ctypes.c_ulong(word) for word in (argument, 0, 0, 0)))
    return done


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "its capabilities")
