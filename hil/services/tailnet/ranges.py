"""The ranges that tailnets take their addresses from, and what lies in them. Asks no network."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

TAILNET: Final[tuple[Network, ...]] = (ip_network("100.64.0.0/10"), ip_network("fd7a:115c:a1e0::/48"))
"""Tailscale gives nodes addresses from these two (tailscale.com/kb/1015 and kb/1033; net/tsaddr of v1.102.3).
headscale warns of prefixes outside of them, which clients do not support (v0.29.2, hscontrol/types/config.go)."""


def in_tailnet(address: str) -> bool:
    """Whether an address, with or without a prefix length, is one that a tailnet gives."""
    try:
        found = ip_address(address.partition("/")[0])
    except ValueError:
        return False
    return any(found in network for network in TAILNET if network.version == found.version)
