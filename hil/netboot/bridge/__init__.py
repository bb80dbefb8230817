"""The segment kind `bridge`: one Ethernet for all machines of a rig, with a DHCP server as on a real bench.

It is a network namespace with a bridge and a tap for each machine; dnsmasq serves it. It needs root, or user
namespaces and a /dev/net/tun that opens. See `config` and `segment`, and `hil.netboot.lan` for what it is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.netboot.bridge.config import Config

if TYPE_CHECKING:
    from hil.netboot.lan.segment import LanSegment
    from hil.netboot.place import SegmentPlace

__all__ = ["Config", "create"]


def create(config: Config, place: SegmentPlace) -> LanSegment:
    """A segment; see `hil.netboot.bridge.segment.create`, which the check of a rig never needs."""
    from hil.netboot.bridge import segment

    return segment.create(config, place)
