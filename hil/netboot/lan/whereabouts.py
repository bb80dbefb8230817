"""Whether a machine is where the bench asks it. Looks at what the bench's network has learnt; asks no machine."""

from __future__ import annotations

from collections.abc import Iterable

from hil.netboot.lan.hosts import Host
from hil.netns.neighbours import Neighbour
from hil.timeline.trouble import Trouble


def elsewhere(host: Host, neighbours: Iterable[Neighbour]) -> Trouble | None:
    """Why a machine cannot answer where it is asked; None where it was seen there, or nothing of it was seen.

    A server that knows clients by more than their MAC address (RFC 2131, 4.2: the client identifier) may give the
    firmware one address and the image another, so whoever was seen at the right one once is not elsewhere.

    Args:
        host: the machine, and where it is asked.
        neighbours: who had which address on the wire.
    """
    known = tuple(neighbours)
    seen = [each.address for each in known if each.mac == host.mac]
    if not host.address or not seen or host.address in seen:
        return None
    there = next((each.mac for each in known if each.address == host.address), None)
    other = f", which {there} has" if there else ", and nobody there has answered"
    return Trouble(
        "another address",
        f"it is asked at {host.address}{other}: its port {host.mac} had {' and '.join(seen)} on this wire",
        f"have the DHCP server give {host.mac} always the same address, and write that one in the rig's segment:"
        f" `addresses: {{{host.name}: {seen[-1]}}}`",
    )
