"""The kind `command` of meters: a program of the user's that prints what a meter says. Knows no meter itself.

The last line that it prints is one JSON object with `watts`, or `volts` and `amperes`, or all three, and `counter_wh`
where there is a counter; each a finite number (RFC 8259). Other keys are refused: a misspelt one would be a value that
silently never comes. The protocol is hil's own.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NoReturn

from pydantic import Field

from hil.clock import Deadline, now_ns
from hil.config.power import MeterConfig
from hil.power.command import Argv
from hil.power.meter import Reading, Resolution
from hil.power.port import PortGarbled, PortRefused
from hil.power.program import evidence, ran

KEYS: Final = ("volts", "amperes", "watts", "counter_wh")
_SHOWN: Final = 80
_START: Final = "write the program's name, or its path from the rig file's directory (./meter.py); make it executable"
_HINT: Final = 'let its last line be {"watts": 3.42}, or that with volts and amperes; see docs/power/command-meter.md'


class Config(MeterConfig):
    """One program."""

    kind: Literal["command"] = Field(description="a program that prints one reading as JSON and ends")
    command: Argv = Field(description="the program and its arguments; no shell reads them")
    resolution: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None, description="the smallest step of its watts; without it the error of an energy leaves it out"
    )


@dataclass(frozen=True, slots=True)
class CommandMeter:
    """The protocol Meter over a program, run once for each reading.

    Args:
        config: of the rig.
    """

    config: Config

    @property
    def name(self) -> str:
        """The program without its arguments, of which one may be a password."""
        return f"the meter's program {self.config.command[0]}"

    @property
    def resolution(self) -> Resolution:
        """What the rig says of it."""
        return Resolution(watts=self.config.resolution)

    def read(self, *, deadline: Deadline) -> Reading:
        """Run the program.

        Raises:
            PortAbsent: it cannot be started.
            PortSilent: it had not ended at the deadline, and was killed with all that it started.
            PortRefused: it exited with another status than 0.
            PortGarbled: its last line is no reading.
        """
        began = now_ns()
        done = ran(self.name, self.config.command, deadline=deadline, hint=_START)
        ended = now_ns()
        if done.code != 0:
            what = f"{self.name}: it ended with {done.code}, expected 0"
            raise PortRefused(what, hint="run it by hand", evidence=evidence(done))
        try:
            found = parse(done.output)
        except ValueError as problem:
            what = f"{self.name}: {problem}"
            raise PortGarbled(what, hint=_HINT, evidence=evidence(done)) from problem
        return Reading(
            began + (ended - began) // 2,
            (ended - began) // 2,
            volts=found.get("volts"),
            amperes=found.get("amperes"),
            watts=found["watts"],
            counter_wh=found.get("counter_wh"),
        )

    def close(self) -> None:
        """Nothing runs between readings."""


def parse(output: str) -> dict[str, float]:
    """What a program's last line says; watts is always there.

    Args:
        output: all that it printed.

    Raises:
        ValueError: it is no reading, and why.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    if not lines:
        raise ValueError("it printed nothing")
    try:
        document = json.loads(lines[-1], parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its last line is no JSON: {lines[-1][:_SHOWN]!r}") from error
    if not isinstance(document, dict):
        raise ValueError(f"its last line is no JSON object: {lines[-1][:_SHOWN]!r}")
    found = {key: _number(key, value) for key, value in document.items()}
    if "watts" in found:
        return found
    if not {"volts", "amperes"} <= found.keys():
        raise ValueError("its last line has neither watts nor both volts and amperes")
    return {**found, "watts": _number("watts", found["volts"] * found["amperes"])}


def _number(key: str, value: object) -> float:
    if key not in KEYS:
        raise ValueError(f"its last line has the key {key[:_SHOWN]!r}, known are {', '.join(KEYS)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {str(value)[:_SHOWN]!r}, which is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{key} is too large")
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def create(config: Config) -> CommandMeter:
    """The meter of a rig's section. Nothing is run yet."""
    return CommandMeter(config)
