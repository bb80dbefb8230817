"""The kind `pdudaemon`: a port of a power distribution unit that a pdudaemon drives, by its HTTP listener.

`GET /power/control/on?hostname=PDU&port=N`, or `off`: 200 is yes, 503 no (pdudaemon's README, "Making a power control
request"). Release 1.1.1 answers when its driver is done, and no with 500 (its httplistener.py and pdurunner.py). It
has no request that asks for a state, so nothing is read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At, host_port
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.http_device import HttpDevice
from hil.power.port import PortRefused, PowerState

PORT: Final = 16421


class Config(PowerConfig):
    """One port of a unit that the daemon knows."""

    kind: Literal["pdudaemon"] = Field(description="a port that a pdudaemon with an HTTP listener drives")
    at: At = Field(description="where the daemon listens, port 16421 where none is written")
    hostname: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="the unit, as the daemon's own `pdus` calls it"
    )
    port: Annotated[int, Field(ge=0, le=9999)] = Field(description="which port of the unit, as the daemon counts")

    def things(self) -> tuple[Thing, ...]:
        """The unit's port, behind that daemon."""
        return channel_at(self.at, PORT, "port", f"{self.hostname}:{self.port}")


@dataclass(frozen=True, slots=True)
class PdudaemonPort:
    """The protocol PowerPort over one port of a unit. Keeps nothing open.

    Args:
        daemon: asks it.
        unit: as the daemon calls it.
        port: of the unit.
    """

    daemon: HttpDevice
    unit: str
    port: int

    @property
    def name(self) -> str:
        """The port, the unit, and the daemon."""
        return f"port {self.port} of {self.unit} behind {self.daemon.what}"

    @property
    def reads_back(self) -> bool:
        """The daemon can only be told."""
        return False

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Have it switched; the daemon tries for itself as often as it is set to, so it is told once.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: the daemon does not know the unit, or its driver has failed.
        """
        query = {"hostname": self.unit, "port": str(self.port)}
        try:
            self.daemon.ask(f"/power/control/{'on' if on else 'off'}", query, deadline=deadline)
        except PortRefused as error:
            raise PortRefused(
                f"{self.name}: {error.message}",
                hint="see the daemon's log: is the unit in its `pdus`, and does its driver reach it?",
            ) from None
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """UNKNOWN always."""
        return PowerState.UNKNOWN

    def close(self) -> None:
        """Nothing is open between exchanges."""


def create(config: Config) -> PdudaemonPort:
    """The port of a rig's section. Nothing is asked yet."""
    daemon = HttpDevice(host_port(config.at, PORT), f"pdudaemon {config.at}")
    return PdudaemonPort(daemon, config.hostname, config.port)
