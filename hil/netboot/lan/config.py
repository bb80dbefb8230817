"""The rig keys that the segments with dnsmasq share. Starts nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from hil.config.model import HostPort, invalid, shown_as
from hil.netboot.network import NetworkConfig

_DNS_PORT: Final = 53
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# An interface's name (Linux, dev_valid_name: up to 15 bytes), or the twin's, whose boards are on its own wire.
_NIC: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}|twin:[a-z0-9][a-z0-9-]{0,31}"


def _nic(text: str) -> str:
    if re.fullmatch(_NIC, text) is None:
        raise invalid(f"{text[:40]!r} is no network port of a host", "write it as `ip link` shows it: enp3s0")
    return text


def _domain(text: str) -> str:
    if re.fullmatch(rf"{_LABEL}(?:\.{_LABEL}){{0,4}}", text) is None:
        raise invalid(f"{text[:60]!r} is no domain", "write it in small letters, like hil.test")
    return text


NicName: TypeAlias = Annotated[str, AfterValidator(_nic), shown_as(_NIC, "enp3s0", "twin:lan")]
"""A network port of this host as `ip link` shows it, or "twin:NAME"."""


class LanConfig(NetworkConfig):
    """An Ethernet with dnsmasq."""

    own_addresses: ClassVar[int] = 1

    # RFC 2606, section 2: the domain `test` is nobody's on the Internet.
    domain: Annotated[str, AfterValidator(_domain)] = Field(
        "hil.test", description="the domain of the nodes' names, which are known with and without it"
    )

    def places(self, ports: Iterable[int]) -> list[HostPort]:
        """The bench's address with each of these ports."""
        return [HostPort(self.bench.host, port) for port in ports]

    @model_validator(mode="after")
    def _dns_has_its_port(self) -> Self:
        (dns,) = self.places([_DNS_PORT])
        if dns in self.listed:
            raise invalid(f"{dns} is where the bench's own DNS answers", "take another address of the subnet")
        return self
