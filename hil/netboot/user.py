"""The segment kind `user`: QEMU's own user-mode network, which needs no rights and reaches no other network.

What the rig lists comes back to the machine as one forwarded address each. The segment is an argument of QEMU and
a folder for its TFTP server; it starts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hil.clock import Deadline
from hil.config.model import HostPort, Model, invalid
from hil.config.rig import SegmentConfig
from hil.console.deaths import DEFAULT_DEATHS, Death, without
from hil.netboot.ipxe import BOOTFILE, SCRIPT_DEATHS, write_tftp
from hil.netboot.place import SegmentPlace
from hil.netboot.slirp import OWN_ADDRESSES, UserNetwork, own_addresses, parse_usernet

_LONGEST_PREFIX: Final = 29
# QEMU itself answers the firmware's DHCP and TFTP, from a folder that this bench has written.
_OURS: Final = ("EDK2 PXE error",)
_OUR_TFTP: Final = "the folder that the bench serves by TFTP has changed since it was opened; open it again"
_RELAY: Final = Path(__file__).with_name("relay.py")


def _subnet(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise invalid(f"{text!r} is no IPv4 network: {error}", "write it like 10.0.2.0/24") from error
    if network.prefixlen > _LONGEST_PREFIX:
        raise invalid(f"{text} has too few addresses", f"use a /{_LONGEST_PREFIX} or a wider one")
    return str(network)


def _both(value: object) -> object:
    return {"at": value, "to": value} if isinstance(value, str) else value


class Egress(Model):
    """One address beyond the bench that the machine may reach."""

    at: HostPort = Field(description="where the machine finds it: IP:PORT within the subnet")
    to: HostPort = Field(description="where it really is: HOST:PORT, as this host reaches it")


class Config(SegmentConfig):
    """The user-mode network."""

    kind: Literal["user"] = Field(description="user")
    subnet: Annotated[str, AfterValidator(_subnet)] = Field(
        "10.0.2.0/24", description="the IPv4 network of the machine"
    )
    bench: HostPort = Field(HostPort("10.0.2.100", 8080), description="where the machine finds Matchbox")
    egress: tuple[Annotated[Egress, BeforeValidator(_both)], ...] = Field(
        (), description="what else the machine may reach: IP:PORT, or {at: IP:PORT, to: HOST:PORT}"
    )

    @property
    def network(self) -> IPv4Network:
        """The subnet."""
        return IPv4Network(self.subnet)

    @model_validator(mode="after")
    def _forwardable(self) -> Self:
        seen: set[HostPort] = set()
        for what, at in (("bench", self.bench), *(("egress", egress.at) for egress in self.egress)):
            _check_address(what, at, self.network)
            if at in seen:
                raise invalid(f"{what}: {at} is taken", "each forwarded address and port leads to one place")
            seen.add(at)
        if self.network.num_addresses - 2 < len({at.host for at in seen}) + OWN_ADDRESSES:
            raise invalid(f"{self.subnet} has too few addresses", "use a wider network")
        return self


def _check_address(what: str, at: HostPort, network: IPv4Network) -> None:
    within = f"{{at: {network[min(100, network.num_addresses - 2)]}:{at.port}, to: {at}}}"
    try:
        address = IPv4Address(at.host)
    except AddressValueError as error:
        hint = f"give it an address of the subnet: {within}" if what == "egress" else "write it as IP:PORT"
        raise invalid(f"{what}: {at.host!r} is no IPv4 address", hint) from error
    if address not in network:
        wider = f"set subnet: to a network that holds it, like {IPv4Network((address, 24), strict=False)}"
        raise invalid(
            f"{what}: {at} is outside {network}, and QEMU forwards only addresses of the machine's own subnet",
            f"{wider}, or give it an address here: {within}" if what == "egress" else wider,
        )
    if address in (network.network_address, network.broadcast_address):
        raise invalid(f"{what}: {at.host} is the first or last address of {network}", "take one in between")


class UserSegment:
    """The network of one bench's machines; each machine has a copy of it to itself.

    Args:
        config: the rig's section.
        tftp: the folder that the machines' firmware fetches from.
    """

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
        firmware = tuple(
            replace(death, fault="bench", hint=_OUR_TFTP) for death in DEFAULT_DEATHS if death.name in _OURS
        )
        return (*SCRIPT_DEATHS, *firmware, *without(DEFAULT_DEATHS, *_OURS))

    def lease(self, node: str) -> str:
        """The address that a machine is given: the same for each, as each is alone."""
        taken = (self.bench, *(egress.at for egress in self.config.egress))
        return str(own_addresses(self.config.network, (IPv4Address(at.host) for at in taken)).lease)

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
    write_tftp(tftp, ipxe=place.ipxe, bench=config.bench)
    return UserSegment(config, tftp)


def _relay_to(target: tuple[str, int] | Path) -> list[str]:
    words = [str(target)] if isinstance(target, Path) else [target[0], str(target[1])]
    # Without site and environment Python starts in 12 ms; each connection of the machine is one start.
    return [sys.executable, "-I", "-S", "-E", str(_RELAY), *words]
