"""The kind `poe`: a port of an Ethernet switch that powers what is plugged in, by SNMP and the MIB of RFC 3621.

pethPsePortAdminEnable (1.3.6.1.2.1.105.1.1.1.3.GROUP.PORT) is true (1) or false (2) and may be written;
pethPsePortDetectionStatus (...1.6.GROUP.PORT) says whether the port really delivers: disabled (1), searching (2),
deliveringPower (3), fault (4), test (5), otherFault (6). Between enabled and delivering the switch looks for something
that asks for power, so a port is on when it delivers, not when it has been told to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline, hold
from hil.config.channels import channel_at
from hil.config.devices import At, host_port
from hil.config.model import Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.poe_snmp import Agent, Oid
from hil.power.port import PortGarbled, PortRefused, PortSilent, PowerState

PORT: Final = 161
ADMIN_ENABLE: Final = "1.3.6.1.2.1.105.1.1.1.3"
DETECTION_STATUS: Final = "1.3.6.1.2.1.105.1.1.1.6"
SETTLES_WITHIN: Final = 10.0
"""Seconds from enabled to delivering, or back: looking, grading and powering up takes about one (IEEE 802.3, clause
33), and switches look at their ports in turn and tell SNMP late."""

_WHEN_NOT_ON: Final = (
    "see that the board, with its PoE hat or splitter, is plugged in there, and how much power the switch has left"
)
_WHEN_NOT_OFF: Final = "look at the port on the switch's own pages: does a schedule or another program keep it on?"
_LOOK_EVERY: Final = 0.1
_TRUE, _FALSE = 1, 2  # TruthValue (RFC 2579).
_STATUS: Final = {
    1: "disabled",
    2: "searching",
    3: "deliveringPower",
    4: "fault",
    5: "test",
    6: "otherFault",
}
_DELIVERING: Final = 3


class Config(PowerConfig):
    """One port of a switch."""

    kind: Literal["poe"] = Field(description="a port of a PoE switch, by SNMP (RFC 3621)")
    at: At = Field(description="the switch's name or address")
    group: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        1, description="pethPsePortGroupIndex: mostly the switch's number in a stack"
    )
    port: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        description="pethPsePortIndex: mostly the number on its front"
    )
    community: Secret = Field(description="the community that may write, as `!env NAME`")

    def things(self) -> tuple[Thing, ...]:
        """The port; other rigs may have the others."""
        return channel_at(self.at, PORT, "port", f"{self.group}.{self.port}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the switch says of a port.

    Args:
        enabled: whether it may deliver power.
        status: of pethPsePortDetectionStatus; None where the switch does not tell.
    """

    enabled: bool
    status: int | None

    @property
    def state(self) -> PowerState:
        """ON and OFF where both objects mean it; UNKNOWN in between: searching, or a fault."""
        delivers = self.enabled if self.status is None else self.status == _DELIVERING
        if delivers is not self.enabled:
            return PowerState.UNKNOWN
        return PowerState.of(delivers)

    def __str__(self) -> str:
        said = "" if self.status is None else f", {_STATUS[self.status]}"
        return ("enabled" if self.enabled else "disabled") + said


@dataclass(frozen=True, slots=True)
class PoePort:
    """The protocol PowerPort over one port of a switch. Keeps nothing open.

    Args:
        agent: the switch.
        group: of the port.
        port: in the group.
    """

    agent: Agent
    group: int
    port: int

    @property
    def name(self) -> str:
        """The port and the switch."""
        return f"port {self.group}.{self.port} of {self.agent.what}"

    @property
    def reads_back(self) -> bool:
        """It tells whether it delivers, which is more than most relays know."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Enable or disable it, and wait until it delivers, or no longer does.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: the community may not write, there is no such port; or it delivers nothing though it is told
                to, as with nothing plugged in, or no power left.
        """
        self.agent.set(self._oid(ADMIN_ENABLE), _TRUE if on else _FALSE, deadline=deadline)
        wanted = PowerState.of(on)
        soon = deadline.sooner(SETTLES_WITHIN)
        seen = self._look(deadline)
        while seen.state is not wanted:
            if soon.expired:
                raise PortRefused(
                    f"{self.name}: it was switched {wanted.value}, and after {soon} it is {seen}",
                    hint=_WHEN_NOT_ON if on else _WHEN_NOT_OFF,
                )
            hold(_LOOK_EVERY)
            try:
                seen = self._look(deadline)
            except PortSilent:
                # At the deadline's end what was seen last is what there is to say.
                if not deadline.expired:
                    raise
        return wanted

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the switch. Errors as in `switch`."""
        return self._look(deadline).state

    def close(self) -> None:
        """Nothing is open between exchanges."""

    def _oid(self, column: Oid) -> Oid:
        return f"{column}.{self.group}.{self.port}"

    def _look(self, deadline: Deadline) -> Seen:
        enabled, status = self.agent.get([self._oid(ADMIN_ENABLE), self._oid(DETECTION_STATUS)], deadline=deadline)
        if enabled is None:
            raise PortRefused(
                f"{self.name}: the switch has no such port",
                hint=f"list them: snmpwalk -v 2c -c COMMUNITY {self.agent.at.host} {ADMIN_ENABLE}",
            )
        if enabled not in (_TRUE, _FALSE) or (status is not None and status not in _STATUS):
            raise PortGarbled(
                f"{self.name}: it says {enabled} and {status}, which RFC 3621 does not have",
                hint="ask the port by hand, with snmpget, and compare",
            )
        return Seen(enabled == _TRUE, status)


def create(config: Config) -> PoePort:
    """The port of a rig's section. Nothing is asked yet."""
    agent = Agent(host_port(config.at, PORT), f"switch {config.at}", config.community.reveal())
    return PoePort(agent, config.group, config.port)
