"""Relays and serial lines as a command line names them: `lcus:/dev/ttyUSB0:1-4`, `/dev/ttyUSB1@9600`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from pydantic import ValidationError

from hil.config import kinds
from hil.config.devices import is_twin
from hil.config.model import Model
from hil.config.power import PowerConfig
from hil.config.serial import ConsoleConfig
from hil.errors import UsageError

PLACE_KEYS: Final = ("device", "at", "hub", "chip")
CHANNEL_KEYS: Final = ("channel", "port", "line", "index")

_FORM: Final = (
    "write it like --power lcus:/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0:1-4, or shelly2:192.0.2.20:0"
)
_POWER: Final = re.compile(r"([a-z0-9-]{1,40}):(.{1,4000}):([0-9][0-9,-]{0,99})", re.DOTALL)
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_BAUD: Final = re.compile(r"(.{1,4000}?)(?:@([0-9]{1,7}))?", re.DOTALL)
_MOST: Final = 64

M = TypeVar("M", bound=Model)


def relays_given(texts: Iterable[str]) -> dict[str, PowerConfig]:
    """The power ports of a command line, called relay1, relay2 and so on, in its order.

    Args:
        texts: each KIND:PLACE:CHANNELS; PLACE is a device or an address, CHANNELS numbers and ranges: 1-3,7.

    Raises:
        UsageError: one is none, or of a kind that needs more than that.
        InfrastructureError: its kind cannot be loaded here.
    """
    configs = [config for text in texts for config in _relays(text)]
    return {f"relay{number}": config for number, config in enumerate(configs, 1)}


def console_given(text: str) -> ConsoleConfig:
    """A serial line of a command line: a device or HOST:PORT, and its speed after an `@` where it is not 115200.

    Raises:
        UsageError: it is none.
    """
    found = _BAUD.fullmatch(text)
    place = text if found is None else found[1]
    key = "device" if place.startswith(("/", "usb:")) else "at"
    speed = {} if found is None or found[2] is None else {"baud": int(found[2])}
    hint = "write it like --console /dev/serial/by-id/usb-FTDI_FT232R_USB_UART-if00-port0@115200, or rack:2217"
    config = _checked(ConsoleConfig, {key: place, **speed}, f"--console {text}", hint)
    for fault in config.faults():
        raise UsageError(f"--console {text}: {fault.message}", hint=fault.hint or hint)
    return _no_twin(config, place)


def channels_given(text: str) -> list[int]:
    """The numbers in a text like "1-3,7", each once, in its order.

    Raises:
        UsageError: it is no such text, or has more than 64 of them.
    """
    numbers: dict[int, None] = {}
    for part in text.split(","):
        found = _RANGE.fullmatch(part)
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if last < first:
            raise UsageError(f"{text!r} are no channels", hint="write numbers and ranges, like 1-3,7; 64 at most")
        numbers.update(dict.fromkeys(range(first, last + 1)))
    if len(numbers) > _MOST:
        raise UsageError(f"{text!r} are {len(numbers)} channels", hint="at most 64 at once")
    return list(numbers)


def _relays(text: str) -> list[PowerConfig]:
    found = _POWER.fullmatch(text)
    if found is None:
        raise UsageError(f"--power {text[:200]!r} names no relays", hint=_FORM)
    kind = kinds.load(kinds.POWER, found[1], PowerConfig)  # type: ignore[type-abstract]
    if kind is None:
        have = ", ".join(kinds.names(kinds.POWER))
        raise UsageError(f"--power {text[:200]}: there is no kind {found[1]!r}", hint=f"it is one of {have}")
    fields = kind.config.model_fields
    place = next((key for key in PLACE_KEYS if key in fields), None)
    channel = next((key for key in CHANNEL_KEYS if key in fields), None)
    if place is None or channel is None:
        raise UsageError(
            f"--power {text[:200]}: a port of the kind {kind.name!r} is more than a place and a channel",
            hint="write it into a rig file under `power:`, and run `hil rig find FILE`",
        )
    hint = f"{_FORM}; what needs more keys goes into a rig file: `hil rig find FILE`"
    return [
        _no_twin(
            _checked(
                kind.config, {"kind": kind.name, place: found[2], channel: number}, f"--power {text[:200]}", hint
            ),
            found[2],
        )
        for number in channels_given(found[3])
    ]


def _checked(model: type[M], fields: Mapping[str, object], what: str, hint: str) -> M:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{what}: {key}: {first['msg']}", hint=hint) from error


def _no_twin(config: M, place: str) -> M:
    if is_twin(place):
        raise UsageError(
            f"{place} is a device of the bench twin, which does not run yet",
            hint="`hil sim RIG --out FILE` runs it; then `hil rig find FILE`",
        )
    return config
