"""The rig keys of a segment on a network port of this host. Starts nothing."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Literal, Self

from pydantic import Field, model_validator

from hil.config.devices import is_twin
from hil.config.model import Seconds, invalid
from hil.config.things import Thing
from hil.netboot.lan.config import LanConfig, NicName


class Config(LanConfig):
    """A share of a network port, with dnsmasq."""

    kind: Literal["interface"] = Field(description="interface")
    nic: NicName = Field(
        description="a network port of this host that boards hang on; it stays the host's. Needs root"
    )
    # IEEE 802.1Q, table 9-2: 0 is no VLAN, 4095 is reserved.
    vlan: int | None = Field(None, ge=1, le=4094, description="the VLAN on it that the boards are in; 1 to 4094")
    dhcp: Literal["serve", "proxy"] = Field(
        "serve",
        description="serve: the bench gives the addresses, and nobody else on that wire may; proxy: that wire's own"
        " DHCP server gives them, and the bench tells the boards what to boot",
    )
    # A dnsmasq by its own settings pings an address for 3 s before it offers it (dnsmasq, config.h, PING_WAIT).
    listen: Seconds = Field(5.0, gt=0, le=120, description="how long to wait for other DHCP servers' answers first")
    addresses: dict[str, str] = Field(
        {}, description="with `dhcp: proxy`, which address that server gives to a node, by the node's name"
    )

    def things(self) -> tuple[Thing, ...]:
        """The network port, which one bench has at a time."""
        return (Thing(f"network port {self.nic}", ("nic",)),) if self.on_a_port else ()

    @property
    def on_a_port(self) -> bool:
        """Whether it is on a port of this host, and not on the twin's wire."""
        return not is_twin(self.nic)

    @property
    def port(self) -> str:
        """The port, and the VLAN on it, for messages."""
        return self.nic if self.vlan is None else f"{self.nic}, VLAN {self.vlan}"

    @model_validator(mode="after")
    def _proxy_is_beside_another(self) -> Self:
        if self.dhcp == "serve":
            if self.addresses:
                raise invalid("addresses: with `dhcp: serve` the bench gives them", "take `addresses:` out")
            return self
        if not self.on_a_port:
            raise invalid("dhcp: the twin's wire has no DHCP server but the bench's", "say `dhcp: serve`")
        if not {"subnet", "bench"} <= self.model_fields_set:
            raise invalid(
                "dhcp: beside another DHCP server the bench needs a free address of that network",
                "write both, as subnet: 192.168.1.0/24 and bench: 192.168.1.5:8080",
            )
        return self

    @model_validator(mode="after")
    def _addresses_are_of_the_subnet(self) -> Self:
        for node, address in self.addresses.items():
            try:
                known = IPv4Address(address)
            except ValueError as error:
                raise invalid(f"addresses: {address[:40]!r} is no IPv4 address", "write it as 192.168.1.71") from error
            if known not in self.network or known in self.taken:
                raise invalid(
                    f"addresses: {address} cannot be {node}'s: it is outside {self.subnet}, or the bench's own",
                    "write the one that the DHCP server gives to it",
                )
        return self
