"""The rig keys of a board. Pydantic is imported here and nowhere else in this folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from hil.config.model import Fault, invalid
from hil.config.rig import NodeConfig
from hil.config.rpi import RpiConfig
from hil.config.serial import ConsoleConfig
from hil.config.things import Thing

MADE_UP: Final = "52:54:00:"
"""QEMU's own prefix (qemu, net/net.c), of which hil makes the address of a node that has none: no board has it."""

_HOST: Final = r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}"


def _host(text: str) -> str:
    if re.fullmatch(_HOST, text) is None:
        raise invalid(f"{text[:60]!r} is no name or address of a machine", "write it like 192.0.2.40")
    return text


class Config(NodeConfig):
    """A board on the bench, as a Raspberry Pi CM4 on its carrier."""

    kind: Literal["board"] = Field(description="a board on the bench")
    power: str | None = Field(None, description="which of the rig's power ports it hangs on")
    meter: str | None = Field(None, description="which of the rig's meters its supply goes through")
    console: ConsoleConfig | None = Field(None, description="the serial line that its console is on")
    console_argument: Annotated[str, Field(pattern=r"^console=[A-Za-z0-9]{1,32}$")] = Field(
        "console=ttyAMA0", description="the kernel argument that its console needs"
    )
    attach: bool = Field(
        default=False, description="it runs already and is not booted: what can be asked of it is asked"
    )
    address: Annotated[str, AfterValidator(_host)] | None = Field(
        None, description="its name or address, where it is on a network that is not the rig's segment"
    )
    rpi: RpiConfig | None = Field(
        None, description="of a Raspberry Pi: what its own bootloader fetches over the network, before UEFI or U-Boot"
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (), description="its TCP ports that a test reaches; the image's own ready port is always one"
    )

    def things(self) -> tuple[Thing, ...]:
        """Its console's line; its power port is the rig's."""
        return () if self.console is None else self.console.things()

    def power_port(self) -> str | None:
        """The rig's name of its power port."""
        return self.power

    def meter_name(self) -> str | None:
        """The rig's name of its meter."""
        return self.meter

    def raspberry(self) -> RpiConfig | None:
        """What its own bootloader fetches, where it is a Raspberry Pi that boots over the network."""
        return self.rpi

    def faults(self) -> Iterator[Fault]:
        """A board that is to be booted and cannot be, or that Matchbox could not know."""
        yield from super().faults()
        if not self.attach and self.power is None:
            yield Fault((), "nothing switches this board", "write `power:`, or `attach: true` if it runs already")
        if not self.attach and self.mac.startswith(MADE_UP):
            yield Fault((), f"no board has the MAC address {self.mac}", "write `mac:` as it is printed on the board")
