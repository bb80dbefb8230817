"""Which machine had which address on a wire, as the kernel there has learnt it. Asks nobody.

Linux lists it in /proc/net/arp (net/ipv4/arp.c, arp_format_neigh_entry; proc_net(5)): address, type, flags, MAC
address, mask and device. An entry is complete once that machine has said its MAC address (linux/if_arp.h, ATF_COM).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ENTRY: Final = re.compile(
    r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}) +0x1 +0x(?P<flags>[0-9a-f]{1,8}) +(?P<mac>[0-9a-f]{2}(?::[0-9a-f]{2}){5}) "
)
_COMPLETE: Final = 0x2


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One machine on the wire.

    Args:
        address: which it had, IPv4.
        mac: of its port.
    """

    address: str
    mac: str


def neighbours_of(table: str) -> tuple[Neighbour, ...]:
    """The complete entries of a table; lines that are none are passed over.

    Args:
        table: as /proc/net/arp has it.
    """
    entries = filter(None, map(_ENTRY.match, table.splitlines()))
    return tuple(Neighbour(entry["address"], entry["mac"]) for entry in entries if int(entry["flags"], 16) & _COMPLETE)
