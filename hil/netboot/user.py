"""The segment kind `user`: QEMU's own user-mode network, which needs no rights and reaches no other network.

What the rig lists comes back to the machine as one forwarded address each. The segment is an argument of QEMU and
a folder for its TFTP server; it starts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.console.deaths import Death
from hil.netboot.firmware import laid_to_the_bench
from hil.netboot.ipxe import BOOTFILE, SCRIPT_DEATHS, autoexec, write_tftp
from hil.netboot.network import NetworkConfig
from hil.netboot.place import SegmentPlace
from hil.netboot.slirp import OWN_ADDRESSES, UserNetwork, own_addresses, parse_usernet

# QEMU itself answers the firmware's DHCP and TFTP, from a folder that this bench has written.
_OUR_TFTP: Final = "the folder that the bench serves by TFTP has changed since it was opened; open it again"
_RELAY: Final = Path(__file__).with_name("relay.py")


class Config(NetworkConfig):
    """The user-mode network."""

    own_addresses: ClassVar[int] = OWN_ADDRESSES

    kind: Literal["user"] = Field(description="user")


class UserSegment:
    """The network of one bench's machines; each machine has a copy of it to itself.

    Args:
        config: the rig's section.
        tftp: the folder that the machines' firmware fetches from.
    """

    facts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: Config, tftp: Path) -> None:
        self.config = config
        self.tftp = tftp
        self._services: dict[HostPort, tuple[str, int] | Path] = {}

    @property
    def bench(self) -> HostPort:
        """Where the machines find Matchbox."""
        return self.config.bench

    @property
    def deaths(self) -> tuple[Death, ...]:
        """What ends a wait for a machine here: what does anywhere, the firmware's network errors laid to the bench."""
        return (*SCRIPT_DEATHS, *laid_to_the_bench(_OUR_TFTP))

    def lease(self, node: str) -> str:
        """The address that a machine is given: the same for each, as each is alone."""
        return str(own_addresses(self.config.network, self.config.taken).lease)

    def elsewhere(self, node: str, *, deadline: Deadline) -> None:
        """Nowhere: QEMU itself gives the address, and reaches the machine by no other."""

    def serve(self, services: Mapping[HostPort, tuple[str, int] | Path]) -> None:
        """Have the machines find the bench's services.

        Args:
            services: where each really listens, a TCP address or a unix socket, by the address that machines have
                for it.
        """
        self._services.update(services)

    def cable(self, node: str) -> UserCable:
        """The end of it for one machine."""
        targets = dict(self._services)
        targets.update({egress.at: (egress.to.host, egress.to.port) for egress in self.config.egress})
        return UserCable(self.config.network, self.tftp, {at: _relay_to(target) for at, target in targets.items()})


@dataclass(frozen=True, slots=True)
class UserCable:
    """A machine's end of it, which is in QEMU itself.

    Args:
        network: the subnet.
        tftp: the folder that the firmware fetches from.
        commands: for each address that the machine reaches, what QEMU runs with each connection to it.
    """

    network: IPv4Network
    tftp: Path
    commands: Mapping[HostPort, Sequence[str]]
    watch: ClassVar[str] = ""
    tap: ClassVar[str] = ""

    def netdev(self, ident: str, ports: Sequence[int]) -> list[str]:
        """QEMU's arguments.

        Args:
            ident: the `id=` for `-device ...,netdev=`.
            ports: TCP ports of the machine that this host must reach.
        """
        return ["-netdev", UserNetwork(self.network, self.tftp, BOOTFILE, self.commands, ports).option(ident)]

    def run(self, argv: Sequence[str]) -> list[str]:
        """The program as it is: QEMU needs no other place."""
        return list(argv)

    def reach(self, port: int, monitor: Callable[[str], str], *, deadline: Deadline) -> tuple[str, int]:
        """The port of this host's loopback that QEMU forwards.

        Args:
            port: the machine's own, one of those that `netdev` was told.
            monitor: what QEMU's human monitor answers to a command; it has its own deadline.
            deadline: not needed besides.
        """
        return "127.0.0.1", parse_usernet(monitor("info usernet"))[port]


def create(config: Config, place: SegmentPlace) -> UserSegment:
    """The segment, with its TFTP folder written.

    Args:
        config: the rig's section.
        place: what the bench gives it; `tftp` is made in its folder.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    tftp = place.directory / "tftp"
    write_tftp(tftp, ipxe=place.ipxe, script=autoexec(config.bench))
    return UserSegment(config, tftp)


def _relay_to(target: tuple[str, int] | Path) -> list[str]:
    words = [str(target)] if isinstance(target, Path) else [target[0], str(target[1])]
    # Without site and environment Python starts in 12 ms; each connection of the machine is one start.
    return [sys.executable, "-I", "-S", "-E", str(_RELAY), *words]
