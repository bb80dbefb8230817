"""The kind `lcus`: USB relay boards LCUS-1 to LCUS-8 and their like (CH340, 1a86:7523).

A frame of four bytes switches one channel: A0, the channel from 1 on, 01 or 00, and the sum of the three (the maker's
text as shops print it, "LC USB Switch Communication Protocol"; NOYITO, "5V 2-Channel Micro USB Relay Module"). It is
never acknowledged. The one byte FF asks for the state of all channels, which boards answer in one of three ways, all
read here, or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_on
from hil.config.devices import DeviceName
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.exchange import one_try, persistently
from hil.power.line import HeldLine, Settings, held
from hil.power.port import PortGarbled, PortRefused, PortSilent, PowerState

QUERY: Final = b"\xff"
_SETTINGS: Final = Settings(baud=9600)
# After its last byte nothing says that an answer is at its end, and what comes later would be taken for the next one:
# ten bytes' time at this speed.
_QUIET: Final = 0.01
# "CH1:OFF \r\n" (NOYITO's manual: ten bytes for each channel), "CH1: OFF\r\n" (github.com/Brasme/usb_ch340_4x_relay_
# control, of an LCUS-4).
_LINE: Final = re.compile(rb"[ \t]*CH[ \t]*([0-9]{1,2})[ \t]*:[ \t]*(ON|OFF)[ \t]*\r?\n", re.IGNORECASE)


class Config(PowerConfig):
    """One channel of a board."""

    kind: Literal["lcus"] = Field(description="a USB relay board LCUS-1, -2, -4, -8 or of the same protocol")
    device: DeviceName = Field(description="the board's serial line")
    channel: Annotated[int, Field(ge=1, le=16)] = Field(description="which relay of the board, from 1 on")
    status: bool = Field(
        default=True, description="whether the board answers when asked for its state; many of one channel do not"
    )

    def things(self) -> tuple[Thing, ...]:
        """The channel: other rigs may have the others."""
        return channel_on(self.device, self.channel)


@dataclass(frozen=True, slots=True)
class LcusPort:
    """The protocol PowerPort over one channel. Keeps nothing open.

    Args:
        config: of the rig.
    """

    config: Config

    @property
    def name(self) -> str:
        """The board's line and the channel."""
        return f"relay {self.config.channel} of {self.config.device}"

    @property
    def reads_back(self) -> bool:
        """What the rig says: a board that never answers and one that has died look alike, so it is not guessed."""
        return self.config.status

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Send the frame, and ask whether it was taken; send it again where it was lost.

        Returns:
            What the board then reads back; UNKNOWN where the rig says that it does not answer.

        Raises:
            PortAbsent: the line is not there, or another program has it.
            PortSilent, PortGarbled: no good answer in three tries.
            PortRefused: the board has no such channel.
        """
        with held(self.config.device, _SETTINGS, deadline=deadline) as line:
            line.send(frame(self.config.channel, on), deadline=deadline)
            if self.config.status:
                persistently(lambda: self._confirm(line, on, one_try(deadline)), deadline=deadline)
        return PowerState.of(on) if self.config.status else PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the board; UNKNOWN at once where the rig says that it does not answer. Errors as in `switch`."""
        if not self.config.status:
            return PowerState.UNKNOWN
        with held(self.config.device, _SETTINGS, deadline=deadline) as line:
            return PowerState.of(persistently(lambda: self._ask(line, one_try(deadline)), deadline=deadline))

    def close(self) -> None:
        """Nothing is open between exchanges."""

    def _confirm(self, line: HeldLine, on: bool, deadline: Deadline) -> None:
        """A board may not hear what comes while it acts on a frame: where it is silent, it is asked again."""
        if self._ask(line, deadline) != on:
            line.send(frame(self.config.channel, on), deadline=deadline)
            raise PortGarbled(
                f"{self.name} was told to switch {PowerState.of(on).value}, and the board says that it is not",
                hint="look at the board's lamps: if another relay moved, `channel:` is wrong; if none, it lacks 5 V",
            )

    def _ask(self, line: HeldLine, deadline: Deadline) -> bool:
        line.send(QUERY, deadline=deadline)
        answer, channels, until = b"", None, deadline
        while data := line.receive(deadline=until):
            answer += data
            channels = parse_status(answer)
            until = deadline.sooner(_QUIET) if channels and self.config.channel in channels else deadline
        if not answer:
            raise self._silent(deadline)
        if channels is None:
            raise PortGarbled(
                f"{self.name}: what it answered when asked for its state is no state: {answer[:80]!r}",
                hint="see that nobody else has the line open, and that this board speaks this protocol",
            )
        if self.config.channel not in channels:
            raise PortRefused(
                f"{self.name}: the board has the channels {', '.join(map(str, channels))}",
                hint="write one of these as `channel:`",
            )
        return channels[self.config.channel]

    def _silent(self, deadline: Deadline) -> PortSilent:
        return PortSilent(
            f"{self.name} did not answer within {deadline} when asked for its state",
            hint="write `status: false` if this board never answers (many of one channel do not): its switching is"
            " then unverified, unless a meter sees it. If it did answer before, take its USB plug out and put it in",
        )


def create(config: Config) -> LcusPort:
    """The port; nothing is opened."""
    return LcusPort(config)


def frame(channel: int, on: bool) -> bytes:
    """What switches one channel.

    Args:
        channel: from 1 on.
        on: the contact between COM and NO is closed.
    """
    body = bytes((0xA0, channel, int(on)))
    return body + bytes((sum(body) & 0xFF,))


def parse_status(answer: bytes) -> dict[int, bool] | None:
    """Whether each channel is on, from an answer to FF; None where it is no whole answer.

    Args:
        answer: lines "CH1:OFF" and so on, numbered from 1 without a gap; or a byte 00 or 01 for each channel, as the
            seller of NOYITO's 8-channel board writes ("01 01 01 01 00 00 00 00").
    """
    if answer and len(answer) <= 16 and set(answer) <= {0, 1}:
        return {number: bool(byte) for number, byte in enumerate(answer, 1)}
    channels: dict[int, bool] = {}
    at = 0
    while at < len(answer):
        line = _LINE.match(answer, at)
        if line is None or int(line[1]) != len(channels) + 1:
            return None
        channels[int(line[1])] = line[2].upper() == b"ON"
        at = line.end()
    return channels or None
