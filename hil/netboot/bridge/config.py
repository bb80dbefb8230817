"""The rig keys of a bridge, and which address and name each machine has on it. Starts nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hil.config.devices import is_twin
from hil.config.model import HostPort, invalid, shown_as
from hil.config.things import Thing
from hil.errors import UsageError
from hil.netboot.network import NetworkConfig

BENCH_NAME: Final = "bench"
"""The bench's own name in DNS, where no node has it."""

_FIRST_NODE: Final = 11
_DNS_PORT: Final = 53
_HTTP_PORTS: Final = (80, 8088)
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


# An interface's name (Linux, dev_valid_name: up to 15 bytes), or the twin's, whose boards are on the bridge anyway.
_NIC: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}|twin:[a-z0-9][a-z0-9-]{0,31}"


def _nic(text: str) -> str:
    if re.fullmatch(_NIC, text) is None:
        raise invalid(f"{text[:40]!r} is no network port of a host", "write it as `ip link` shows it: enp3s0")
    return text


def _domain(text: str) -> str:
    if re.fullmatch(rf"{_LABEL}(?:\.{_LABEL}){{0,4}}", text) is None:
        raise invalid(f"{text[:60]!r} is no domain", "write it in small letters, like hil.test")
    return text


class Config(NetworkConfig):
    """A bridge with dnsmasq."""

    own_addresses: ClassVar[int] = 1

    kind: Literal["bridge"] = Field(description="bridge")
    boot: Literal["pxe", "http"] = Field(
        "pxe", description="how the firmware fetches iPXE: pxe (by TFTP), or http (UEFI HTTP boot)"
    )
    nic: Annotated[str, AfterValidator(_nic), shown_as(_NIC, "enp3s0", "twin:lan")] | None = Field(
        None,
        description="a network port of this host that boards hang on, lent to the bench while it is open; needs root",
    )
    # RFC 2606, section 2: the domain `test` is nobody's on the Internet.
    domain: Annotated[str, AfterValidator(_domain)] = Field(
        "hil.test", description="the domain of the nodes' names, which are known with and without it"
    )

    def things(self) -> tuple[Thing, ...]:
        """The host's network port, which one bench has at a time."""
        return () if not self.nics else (Thing(f"network port {self.nic}", ("nic",)),)

    @property
    def nics(self) -> tuple[str, ...]:
        """The host's network ports that are lent to the bench."""
        return () if self.nic is None or is_twin(self.nic) else (self.nic,)

    @property
    def nbp(self) -> HostPort:
        """Where HTTP boot fetches iPXE: on the bench's address, beside what else is there."""
        return next(place for place in self._places(_HTTP_PORTS) if place not in self.listed)

    def _places(self, ports: Iterable[int]) -> list[HostPort]:
        return [HostPort(self.bench.host, port) for port in ports]

    @model_validator(mode="after")
    def _free_for_the_bench(self) -> Self:
        (dns,) = self._places([_DNS_PORT])
        if dns in self.listed:
            raise invalid(f"{dns} is where the bench's own DNS answers", "take another address of the subnet")
        if set(self._places(_HTTP_PORTS)) <= set(self.listed):
            ports = " nor ".join(map(str, _HTTP_PORTS))
            raise invalid(f"neither port {ports} is left on {self.bench.host} for HTTP boot", "move one of egress")
        return self


@dataclass(frozen=True, slots=True)
class Host:
    """One machine on the bridge.

    Args:
        name: the node's name, which is the machine's in DNS.
        mac: of the port that boots.
        address: what DHCP gives to it, always the same.
        tap: the interface that is its end of the bridge.
    """

    name: str
    mac: str
    address: str
    tap: str


def hosts_of(config: Config, nodes: Mapping[str, str]) -> tuple[Host, ...]:
    """The machines: the first gets .11 of the subnet, the others what follows, where nobody has it.

    Args:
        config: the rig's section.
        nodes: the MAC address of each node, by its name.

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
    return tuple(Host(name, mac, address, f"tap{n}") for n, ((name, mac), address) in enumerate(found))
