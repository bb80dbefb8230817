"""What makes a node another than its neighbours when the rig does not say: MAC address, UUID and serial
number.

All three are what Matchbox selects by, so they are the same at each start and on each host: they come from
the names of the rig and the node alone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

_PREFIX = "52:54:00"  # locally administered, the one QEMU gives its own guests (qemu, net/net.c)


@dataclass(frozen=True, slots=True)
class Identity:
    """By what the network knows a node.

    Args:
        mac: a unicast MAC address.
        uuid: a UUID in its canonical form.
        serial: "HIL-" and eight hexadecimal digits.
    """

    mac: str
    uuid: str
    serial: str


def identity(rig: str, node: str, taken: Collection[str] = ()) -> Identity:
    """The identity of a node that has none in its rig.

    Args:
        rig: the rig's name.
        node: the node's name.
        taken: MAC addresses and serial numbers that other nodes of the rig have.
    """
    return Identity(
        mac=_free(rig, node, taken, lambda digest: ":".join([_PREFIX, digest[0:2], digest[2:4], digest[4:6]])),
        uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"hil:{rig}/{node}")),
        serial=_free(rig, node, taken, lambda digest: f"HIL-{digest[6:14].upper()}"),
    )


def _free(rig: str, node: str, taken: Collection[str], make: Callable[[str], str]) -> str:
    """What `make` makes of the first digest of the names that nobody has taken."""
    attempt = 0
    while True:
        found = make(hashlib.sha256(f"{rig}/{node}/{attempt}".encode()).hexdigest())
        if found not in taken:
            return found
        attempt += 1
