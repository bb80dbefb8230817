"""The rig keys that kinds of segment share: the subnet, where the bench is in it, what else its machines reach."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hil.config.model import HostPort, Model, invalid
from hil.config.rig import SegmentConfig

_LONGEST_PREFIX: Final = 29


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


class NetworkConfig(SegmentConfig):
    """A network of one IPv4 subnet."""

    own_addresses: ClassVar[int]
    """How many addresses of the subnet must be left besides those that the bench and `egress` have."""

    subnet: Annotated[str, AfterValidator(_subnet)] = Field(
        "10.0.2.0/24", description="the IPv4 network of the machine"
    )
    bench: HostPort = Field(HostPort("10.0.2.100", 8080), description="where the machine finds Matchbox")
    egress: tuple[Annotated[Egress, BeforeValidator(_both, json_schema_input_type=HostPort | Egress)], ...] = Field(
        (), description="what else the machine may reach: IP:PORT, or {at: IP:PORT, to: HOST:PORT}"
    )

    @property
    def network(self) -> IPv4Network:
        """The subnet."""
        return IPv4Network(self.subnet)

    @property
    def listed(self) -> tuple[HostPort, ...]:
        """Where the machine finds the bench, and each of `egress`."""
        return (self.bench, *(egress.at for egress in self.egress))

    @property
    def taken(self) -> tuple[IPv4Address, ...]:
        """The addresses that the bench and `egress` have, the bench's first, each once."""
        return tuple(dict.fromkeys(IPv4Address(at.host) for at in self.listed))

    @model_validator(mode="after")
    def _forwardable(self) -> Self:
        seen: set[HostPort] = set()
        for what, at in (("bench", self.bench), *(("egress", egress.at) for egress in self.egress)):
            _check_address(what, at, self.network)
            if at in seen:
                raise invalid(f"{what}: {at} is taken", "each forwarded address and port leads to one place")
            seen.add(at)
        if self.network.num_addresses - 2 < len({at.host for at in seen}) + self.own_addresses:
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
            f"{what}: {at} is outside {network}, and only addresses of the machine's own subnet are forwarded",
            f"{wider}, or give it an address here: {within}" if what == "egress" else wider,
        )
    if address in (network.network_address, network.broadcast_address):
        raise invalid(f"{what}: {at.host} is the first or last address of {network}", "take one in between")
