"""Which address and which end of the wire each machine of a rig has. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from hil.errors import UsageError
from hil.netboot.network import NetworkConfig

BENCH_NAME: Final = "bench"
"""The bench's own name in DNS, where no node has it."""

_FIRST_NODE: Final = 11


@dataclass(frozen=True, slots=True)
class Host:
    """One machine on the wire.

    Args:
        name: the node's name, which is the machine's in DNS.
        mac: of the port that boots.
        address: what DHCP gives to it, always the same; "" where a server gives it that is not the bench's, and the
            rig does not say which.
        tap: the interface that is its end of the wire; "" where that is a real port.
    """

    name: str
    mac: str
    address: str
    tap: str


def hosts_of(config: NetworkConfig, nodes: Mapping[str, str], *, taps: bool = True) -> tuple[Host, ...]:
    """The machines: the first gets .11 of the subnet, the others what follows, where nobody has it.

    Args:
        config: the rig's section.
        nodes: the MAC address of each node, by its name.
        taps: whether each has a tap.

    Raises:
        UsageError: the subnet has too few addresses for them.
    """
    network, taken = config.network, set(config.taken)
    end = network.num_addresses - 1
    # A /29 has no .11; the first ten come last.
    numbers = chain(range(_FIRST_NODE, end), range(1, min(_FIRST_NODE, end)))
    free = (network[number] for number in numbers if network[number] not in taken)
    addresses = [str(address) for address, _ in zip(free, nodes, strict=False)]
    if len(addresses) < len(nodes):
        raise UsageError(
            f"the segment's subnet {config.subnet} has too few addresses for {len(nodes)} nodes",
            hint="give the segment a wider `subnet:` in the rig file",
        )
    found = zip(nodes.items(), addresses, strict=True)
    return tuple(Host(name, mac, address, f"tap{n}" if taps else "") for n, ((name, mac), address) in enumerate(found))
