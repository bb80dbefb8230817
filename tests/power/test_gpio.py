"""The port that is a GPIO line: gpiod's own types, and a chip in memory in the place of the kernel's."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import gpiod
import pytest
from gpiod.line import Direction, Drive, Value

from hil.clock import Deadline
from hil.power.gpio import Config, create
from hil.power.port import PortAbsent, PortRefused, PowerState


def soon() -> Deadline:
    return Deadline.after(5.0)


class Line:
    """A pin with a pull-up, as RUN and GLOBAL_EN of a CM4 are: high while nobody drives it."""

    def __init__(self) -> None:
        self.low = False
        self.holder: Request | None = None
        self.fails: OSError | None = None


class Request:
    """What gpiod.LineRequest does for one line."""

    def __init__(self, line: Line, settings: gpiod.LineSettings) -> None:
        self._line, self.settings = line, settings
        line.holder = self
        if settings.direction is Direction.OUTPUT:
            self.set_value(0, settings.output_value)

    def set_value(self, line: int | str, value: Value) -> None:
        self._line.low = (value is Value.ACTIVE) is self.settings.active_low

    def get_value(self, line: int | str) -> Value:
        return Value.ACTIVE if self._line.low is self.settings.active_low else Value.INACTIVE

    def release(self) -> None:
        self._line.holder, self._line.low = None, False


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()

    class Chip:
        def __init__(self, path: str) -> None:
            assert path == "/dev/gpiochip0"

        def __enter__(self) -> Chip:
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def request_lines(self, config: dict[int | str, gpiod.LineSettings], consumer: str) -> Request:
            if line.fails is not None:
                raise line.fails
            if line.holder is not None:
                raise OSError(errno.EBUSY, "Device or resource busy")
            return Request(line, config[17])

        def get_line_info(self, line: int | str) -> SimpleNamespace:
            return SimpleNamespace(consumer="gpioset")

    monkeypatch.setattr(gpiod, "Chip", Chip)
    return line


def config(**keys: object) -> Config:
    return Config.model_validate({"kind": "gpio", "chip": "/dev/gpiochip0", "line": 17, **keys})


def test_holds_the_line_from_the_first_switching_until_close(pin: Line) -> None:
    port = create(config())
    assert port.read(deadline=soon()) is PowerState.ON
    assert pin.holder is None
    port.switch(False, deadline=soon())
    port.switch(False, deadline=soon())
    assert pin.low
    assert pin.holder is not None
    assert pin.holder.settings.drive is Drive.OPEN_DRAIN
    assert port.read(deadline=soon()) is PowerState.OFF
    port.switch(True, deadline=soon())
    assert not pin.low
    port.switch(False, deadline=soon())
    port.close()
    port.close()
    assert not pin.low


def test_a_line_that_is_inverted_on_its_way(pin: Line) -> None:
    port = create(config(active_low=True, drive="push-pull", idle="off"))
    assert port.read(deadline=soon()) is PowerState.OFF
    port.switch(True, deadline=soon())
    assert pin.low
    assert pin.holder is not None
    assert pin.holder.settings.drive is Drive.PUSH_PULL
    assert port.read(deadline=soon()) is PowerState.ON


def test_a_line_that_another_program_has_names_it(pin: Line) -> None:
    other = create(config())
    other.switch(True, deadline=soon())
    with pytest.raises(PortAbsent, match="line 17 of /dev/gpiochip0 is in use by gpioset"):
        create(config()).switch(True, deadline=soon())


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (errno.EACCES, PortAbsent, "may not be used by this user"),
        (errno.ENOENT, PortAbsent, "is not there"),
        (errno.ENOTSUP, PortRefused, "cannot be set so"),
    ],
)
def test_how_the_kernel_says_no(pin: Line, number: int, error: type[Exception], said: str) -> None:
    pin.fails = OSError(number, "no")
    with pytest.raises(error, match=said):
        create(config()).switch(True, deadline=soon())


@pytest.mark.parametrize("chip", ["/dev/gpiochip4095", "/dev/null"])
def test_what_is_no_chip_with_the_real_gpiod(chip: str) -> None:
    with pytest.raises(PortAbsent, match=f"line 17 of {chip} is not there"):
        create(config(chip=chip)).read(deadline=soon())


def test_a_policy_that_nothing_can_keep_is_a_fault() -> None:
    (fault,) = config(leave="off").faults()
    assert fault.at == ("leave",)
    assert "leave: on" in fault.hint
    for keys in ({}, {"leave": "on"}, {"idle": "off", "leave": "off"}):
        assert list(config(**keys).faults()) == []
    assert config().leave == "as_found"
    assert [thing.name for thing in config().things()] == ["/dev/gpiochip0:17"]
