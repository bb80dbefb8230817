"""The segment kind `interface`: a share of a network port of this host, on whose wire boards are.

A network namespace with an interface of its own on that port (a macvlan, or the port's part of one VLAN); dnsmasq
serves it there and nowhere else, alone or beside that wire's own DHCP server. Needs root. See `config` and `segment`,
and `hil.netboot.lan` for what it is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.netboot.interface.config import Config

if TYPE_CHECKING:
    from hil.netboot.lan.segment import LanSegment
    from hil.netboot.place import SegmentPlace

__all__ = ["Config", "create"]


def create(config: Config, place: SegmentPlace) -> LanSegment:
    """A segment; see `hil.netboot.interface.segment.create`, which the check of a rig never needs."""
    from hil.netboot.interface import segment

    return segment.create(config, place)
