"""The kind `manual`: a person switches, asked on the terminal. For the first hour of a bench, before the relay comes.

The terminal is /dev/tty, the one that hil was started from, so that pytest's capture and a pipe do not stand between.
"""

from __future__ import annotations

import os
import select
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.port import PortAbsent, PortSilent, PowerState

TERMINAL: Final = Path("/dev/tty")  # tty(4): the controlling terminal of the process


class Config(PowerConfig):
    """What the person switches."""

    unattended: ClassVar[bool] = False
    switches_within: ClassVar[float] = 300.0

    kind: Literal["manual"] = Field(description="a person, who is asked on the terminal")
    label: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = Field(
        description="what the person knows the supply or its switch by: node1's supply"
    )

    def things(self) -> tuple[Thing, ...]:
        """What the label says: two rigs that ask for one supply are in each other's way."""
        return (Thing(f"by hand: {self.label}", ("label",)),)


@dataclass(frozen=True, slots=True)
class ManualPort:
    """The protocol PowerPort over a person.

    Args:
        config: of the rig.
        terminal: where they are asked.
    """

    config: Config
    terminal: Path = TERMINAL

    @property
    def name(self) -> str:
        """The label."""
        return f"{self.config.label}, by hand"

    @property
    def reads_back(self) -> bool:
        """False: that a person pressed Enter is no proof of what they did."""
        return False

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Ask, and wait for Enter.

        Raises:
            PortAbsent: hil has no terminal: nobody can be asked.
            PortSilent: nobody pressed Enter before the deadline.
        """
        try:
            fd = os.open(self.terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise PortAbsent(
                f"{self.name}: there is no terminal to ask on ({error.strerror})",
                hint="start hil from a terminal, or give the rig a port that no person is needed for",
            ) from error
        try:
            # An Enter from before the question is no answer to it.
            termios.tcflush(fd, termios.TCIFLUSH)
            os.write(fd, f"\nSwitch {self.config.label} {'ON' if on else 'OFF'}, then press Enter: ".encode())
            self._await_enter(fd, deadline)
        finally:
            os.close(fd)
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """UNKNOWN, at once."""
        return PowerState.UNKNOWN

    def close(self) -> None:
        """Nothing is open between questions."""

    def _await_enter(self, fd: int, deadline: Deadline) -> None:
        while select.select([fd], [], [], deadline.remaining())[0]:
            data = os.read(fd, 1024)
            if b"\n" in data:
                return
            if not data:
                break
        raise PortSilent(
            f"{self.name}: nobody pressed Enter within {deadline}",
            hint="begin again with somebody at the bench",
        )


def create(config: Config) -> ManualPort:
    """The port; nobody is asked yet."""
    return ManualPort(config)
