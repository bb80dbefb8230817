"""The kind `gpio`: a line of a GPIO chip of this host, on the RUN or GLOBAL_EN pin of a board, or on a relay's input.

A line has its value only as long as it is requested: once the request is closed "the state of the line becomes
uncontrolled from the userspace perspective, and may revert to its default state" (Linux, Documentation/userspace-api/
gpio/gpio-v2-get-line-ioctl.rst). So this port, unlike others, holds its line from the first switching until `close`;
nothing holds it after the bench, nor when the process is killed. What the board does then is the rig's key `idle`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.model import Fault
from hil.config.power import Leave, PowerConfig
from hil.config.things import Thing, device
from hil.errors import InfrastructureError
from hil.power.port import PortAbsent, PortRefused, PowerState

if TYPE_CHECKING:
    import gpiod

_CONSUMER: Final = "hil"


class Config(PowerConfig):
    """One line."""

    kind: Literal["gpio"] = Field(description="a GPIO line of this host")
    chip: Annotated[str, Field(pattern=r"^/dev/[^\x00]{1,200}$")] = Field(
        description="the chip's device file: /dev/gpiochip0"
    )
    line: Annotated[int, Field(ge=0, le=4095)] | Annotated[str, Field(min_length=1, max_length=31)] = Field(
        description="the line's number on the chip, or its name"
    )
    active_low: bool = Field(
        default=False, description="whether the machine is on while the line is low; false for RUN and GLOBAL_EN"
    )
    drive: Literal["open-drain", "push-pull"] = Field(
        "open-drain", description="open-drain pulls low or lets go, as a pin with its own pull-up needs"
    )
    idle: Literal["on", "off"] = Field(
        "on", description="what the machine is while nobody holds the line; on for RUN and GLOBAL_EN"
    )
    leave: Leave = Field("as_found", description="how its bench leaves it: as `idle` says, for nothing holds it then")

    def things(self) -> tuple[Thing, ...]:
        """The line."""
        return (Thing(f"{device(self.chip).name}:{self.line}", ("line",)),)

    def faults(self) -> Iterator[Fault]:
        """A `leave` that nothing could keep."""
        yield from super().faults()
        if self.leave not in ("as_found", self.idle):
            yield Fault(
                ("leave",),
                f"nothing holds a GPIO line after its bench, and the machine is then {self.idle} (`idle`)",
                f"write `leave: {self.idle}`, or switch by something that stays: a relay board",
            )


class GpioPort:
    """The protocol PowerPort over one line, which it holds from the first switching on. For one thread at a time.

    Args:
        config: of the rig.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._held: gpiod.LineRequest | None = None

    @property
    def name(self) -> str:
        """The chip and the line."""
        return f"line {self._config.line} of {self._config.chip}"

    @property
    def reads_back(self) -> bool:
        """True: the chip tells the line's level, or what it drives, as the chip's driver has it."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Drive the line, and hold it so until `close`.

        Raises:
            PortAbsent: no such chip or line, not for this user, or another program has it, which is named.
            PortRefused: the chip cannot drive it so.
        """
        from gpiod import LineSettings
        from gpiod.line import Direction, Drive, Value

        value = Value.ACTIVE if on else Value.INACTIVE
        if self._held is not None:
            self._held.set_value(self._config.line, value)
            return PowerState.UNKNOWN
        drive = Drive.OPEN_DRAIN if self._config.drive == "open-drain" else Drive.PUSH_PULL
        self._held = self._request(
            LineSettings(
                direction=Direction.OUTPUT, drive=drive, active_low=self._config.active_low, output_value=value
            )
        )
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """The line's level; where we do not hold it, it is looked at without being changed. Errors as in `switch`."""
        from gpiod import LineSettings
        from gpiod.line import Direction

        held = self._held
        if held is None:
            held = self._request(LineSettings(direction=Direction.AS_IS, active_low=self._config.active_low))
        try:
            return PowerState.ON if held.get_value(self._config.line) else PowerState.OFF
        finally:
            if self._held is None:
                held.release()

    def close(self) -> None:
        """Let go of the line: the machine is then what `idle` says."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def _request(self, settings: gpiod.LineSettings) -> gpiod.LineRequest:
        from gpiod import Chip

        try:
            with Chip(self._config.chip) as chip:
                try:
                    return chip.request_lines({self._config.line: settings}, consumer=_CONSUMER)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    who = chip.get_line_info(self._config.line).consumer or "a driver of the kernel"
                    raise PortAbsent(
                        f"{self.name} is in use by {who}", hint="end that program, or take another line"
                    ) from error
        except (OSError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError | ValueError) -> InfrastructureError:
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.EACCES, errno.EPERM):
            hint = "join the group that owns the chip (gpio on Raspberry Pi OS), or give it one by a udev rule"
            return PortAbsent(f"{self.name} may not be used by this user", hint=hint)
        if number in (errno.EINVAL, errno.ENOTSUP) and not isinstance(error, ValueError):
            return PortRefused(
                f"{self.name} cannot be set so: {error}", hint="try `drive: push-pull`, or another line"
            )
        return PortAbsent(
            f"{self.name} is not there: {error}", hint="`gpiodetect` and `gpioinfo` list chips and lines"
        )


def create(config: Config) -> GpioPort:
    """The port; nothing is requested yet.

    Raises:
        InfrastructureError: gpiod is not installed.
    """
    try:
        import gpiod  # noqa: F401
    except ImportError as error:
        raise InfrastructureError(
            f"GPIO lines need the package gpiod: {error}", hint="pip install 'hil[bench]'"
        ) from error
    return GpioPort(config)
