"""The kind `uhubctl`: a port of a USB hub that can switch it, by the program uhubctl. Written for uhubctl 2.5.0.

Many hubs say that they switch and only cut the data (uhubctl's README, "How do I check if my USB hub is supported"):
what reads back here is what the hub says, and only a meter or the console shows whether the board went dark.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.exchange import persistently
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PowerState
from hil.power.program import evidence, ran

_ALSO_IN: Final = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # Debian's package has it in /usr/sbin
_INSTALL: Final = "install it: the package uhubctl of Debian and Ubuntu"
# uhubctl.c, print_port_status and main (2.5.0).
_HUB: Final = re.compile(r"(?:Current|New) status for hub ([0-9][0-9.-]*) \[.*\]")
_PORT: Final = re.compile(r"  Port ([0-9]{1,3}): [0-9a-f]{4}((?: [A-Za-z0-9.]+)*)(?: \[.*\])?")
_SENT: Final = re.compile(r"Sent power (?:on|off) request")


class Config(PowerConfig):
    """One port of a hub."""

    kind: Literal["uhubctl"] = Field(description="a port of a USB hub that can switch its ports")
    hub: Annotated[str, Field(pattern=r"^[0-9]{1,3}(-[0-9]{1,3}(\.[0-9]{1,3}){0,6})?$")] = Field(
        description="the hub's location, as `uhubctl` prints it: 1-1.4"
    )
    port: Annotated[int, Field(ge=1, le=31)] = Field(description="the hub's port, from 1 on")

    def things(self) -> tuple[Thing, ...]:
        """The port; a USB 3 hub has two locations, which nobody here knows to be one."""
        return (Thing(f"usb-hub:{self.hub}:{self.port}", ("port",)),)


@dataclass(frozen=True, slots=True)
class UhubctlPort:
    """The protocol PowerPort over the program.

    Args:
        config: of the rig.
    """

    config: Config

    @property
    def name(self) -> str:
        """The hub and its port."""
        return f"port {self.config.port} of the USB hub {self.config.hub}"

    @property
    def reads_back(self) -> bool:
        """True: the hub tells, if not always the truth."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch the port, and its USB 3 twin where the hub has one, until the hub says that both are so.

        Raises:
            PortAbsent: no uhubctl, or no such hub that can switch, or not for this user.
            PortSilent: uhubctl had not ended.
            PortGarbled: the hub says the contrary in three tries, or uhubctl prints what is not known.
            PortRefused: uhubctl failed otherwise.
        """
        wanted = PowerState.of(on)
        persistently(lambda: self._switch_once(wanted, deadline), deadline=deadline)
        return wanted

    def read(self, *, deadline: Deadline) -> PowerState:
        """What the hub says; off where the port and its USB 3 twin both are. Errors as in `switch`."""
        return self._ask((), deadline)

    def close(self) -> None:
        """Nothing runs between exchanges."""

    def _switch_once(self, wanted: PowerState, deadline: Deadline) -> None:
        found = self._ask(("-a", wanted.value), deadline)
        if found is not wanted:
            raise PortGarbled(
                f"{self.name} was told to switch {wanted.value}, and the hub says {found.value}",
                hint="see uhubctl's README: some kernels and drivers switch a port on again; some hubs cannot switch",
            )

    def _ask(self, action: tuple[str, ...], deadline: Deadline) -> PowerState:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ALSO_IN))
        program = shutil.which("uhubctl", path=path) or "uhubctl"
        argv = (program, "-l", self.config.hub, "-p", str(self.config.port), *action)
        done = ran(self.name, argv, deadline=deadline, hint=_INSTALL)
        if done.code:
            kind = PortAbsent if "No compatible devices detected" in done.output else PortRefused
            raise kind(
                f"{self.name}: uhubctl exited with {done.code}",
                hint="run `uhubctl` as this user: it lists the hubs that it can switch. Where there are none without"
                ' sudo, a udev rule gives this user the hub (uhubctl\'s README, "Linux USB permissions")',
                evidence=evidence(done),
            )
        states = parse_ports(done.output, self.config.port)
        if states is None or self.config.hub not in states:
            raise PortGarbled(
                f"{self.name}: what uhubctl printed does not tell its state",
                hint="this is written for uhubctl 2.5.0; see what `uhubctl --version` says",
                evidence=evidence(done),
            )
        return _together(set(states.values()))


def create(config: Config) -> UhubctlPort:
    """The port; nothing is run."""
    return UhubctlPort(config)


def parse_ports(output: str, port: int) -> dict[str, PowerState] | None:
    """What uhubctl printed last of a port, by the location of each hub; None where a line is of another form.

    Args:
        output: of `uhubctl -l HUB -p PORT`, with or without an action.
        port: others are left out.
    """
    found: dict[str, PowerState] = {}
    hub = ""
    for line in output.splitlines():
        if header := _HUB.fullmatch(line):
            hub = header[1]
        elif (status := _PORT.fullmatch(line)) and hub:
            if int(status[1]) == port:
                found[hub] = _state(status[2].split())
        elif line.strip() and not _SENT.fullmatch(line):
            return None
    return found


def _state(flags: list[str]) -> PowerState:
    """By the first word after the bits; of a port without power that something is plugged into, it is neither."""
    return {"power": PowerState.ON, "off": PowerState.OFF}.get(flags[0] if flags else "", PowerState.UNKNOWN)


def _together(states: set[PowerState]) -> PowerState:
    """Of a port and its USB 3 twin, which share one 5 V: it is on where one of them is."""
    if PowerState.ON in states:
        return PowerState.ON
    return PowerState.OFF if states == {PowerState.OFF} else PowerState.UNKNOWN
