"""The private network of a bench's tailnet: a network namespace, held by a child of the keeper, and how it is reached.

What runs in it reaches nothing but itself, and is reached by one unix socket, whose path works across network
namespaces (unix(7)). It ends with the keeper, however that ends. Needs no program but nsenter(1); knows no tailnet.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.keeper.client import Keeper
from hil.keeper.protocol import Fields
from hil.services.tailnet.starting import await_ready, past

STREAM: Final = "tailnet:net"
"""The keeper's name for the process that holds the namespace."""

_HOLDER: Final = Path(__file__).with_name("holder.py")
_ANSWER: Final = re.compile(rb"^(?:ready (net|user)|refused: ([^\n]*))\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part of the bench that cannot be had on this host.

    Args:
        reason: why not, and what to do about it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class PrivateNet:
    """A network namespace that is held.

    Args:
        holder: the process that holds it, as its keeper numbers it.
        in_user_namespace: whether a user namespace goes around it.
        forward: the unix socket (mode 0600) by which it is reached.
    """

    holder: int
    in_user_namespace: bool
    forward: Path

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in it; for a child of the same keeper.

        nsenter(1) becomes the program, so that the child is the program itself.
        """
        user = ["--user", "--preserve-credentials"] if self.in_user_namespace else []
        return ["nsenter", f"--target={self.holder}", *user, "--net", "--", *argv]


def hold(keeper: Keeper, forward: Path, address: HostPort, *, deadline: Deadline) -> PrivateNet | Unavailable:
    """Make the namespace.

    Args:
        keeper: owns it.
        forward: where its unix socket is to be; at most 107 bytes.
        address: what lo has in there, and the TCP port that each connection of the socket is joined to.
        deadline: for the holder's answer; it takes 0.2 s.

    Returns:
        The network, or why the kernel refuses it.

    Raises:
        UsageError: the socket's path is too long.
        InfrastructureError: the holder does not start, or does not answer.
    """
    keeper.listen(STREAM, forward)
    since = past(keeper, STREAM)
    script = [sys.executable, "-I", "-S", "-E", str(_HOLDER), f"{{fd:{STREAM}}}", address.host, str(address.port)]
    keeper.spawn(STREAM, script, fds=[STREAM], kill=True)
    answer = await_ready(
        keeper,
        STREAM,
        _ANSWER.search,
        what="the holder of the tailnet's private network",
        hint="report this with the lines above",
        since=since,
        deadline=deadline,
    )
    if answer[1] is None:
        return Unavailable(_explain(answer[2].decode("utf-8", "replace")))
    child = Fields(keeper.status()).object("children")[STREAM]
    return PrivateNet(Fields(child).number("pid"), answer[1] == b"user", forward)


def _explain(refusal: str) -> str:
    return (
        f"this host allows no private network namespace ({refusal}). Run as root; or allow user namespaces: on Ubuntu"
        " `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on Debian `sudo sysctl"
        " kernel.unprivileged_userns_clone=1`, in a container give it CAP_SYS_ADMIN"
    )
