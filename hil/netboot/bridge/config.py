"""The rig keys of a bridge. Starts nothing."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from hil.config.devices import is_twin
from hil.config.model import HostPort, invalid
from hil.config.things import Thing
from hil.netboot.lan.config import LanConfig, NicName

_HTTP_PORTS: Final = (80, 8088)


class Config(LanConfig):
    """A bridge with dnsmasq."""

    kind: Literal["bridge"] = Field(description="bridge")
    boot: Literal["pxe", "http"] = Field(
        "pxe", description="how the firmware fetches iPXE: pxe (by TFTP), or http (UEFI HTTP boot)"
    )
    nic: NicName | None = Field(
        None,
        description="a network port of this host that boards hang on, lent to the bench while it is open; needs root",
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
        return next(place for place in self.places(_HTTP_PORTS) if place not in self.listed)

    @model_validator(mode="after")
    def _http_has_a_port(self) -> Self:
        if set(self.places(_HTTP_PORTS)) <= set(self.listed):
            ports = " nor ".join(map(str, _HTTP_PORTS))
            raise invalid(f"neither port {ports} is left on {self.bench.host} for HTTP boot", "move one of egress")
        return self
