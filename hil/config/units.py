"""Sizes and times as a person writes them, to bytes and seconds and back. Knows no file and no model.

A quantity always has a unit: `memory: 1024` would be bytes to one reader and MiB to another (QEMU's -m takes
MiB), and decimal units are refused because "1GB" of memory is read both as 10**9 and as 2**30 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from hil.config.suggest import did_you_mean

SIZES: Final[Mapping[str, int]] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
"""Bytes in one of each unit (IEC 80000-13 binary prefixes)."""

TIMES: Final[Mapping[str, Decimal]] = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
}
"""Seconds in one of each unit."""

LARGEST_SIZE: Final = 2**63 - 1
_NEAR_UNITS: Final[Mapping[str, str]] = {
    "k": "KiB", "kb": "KiB", "m": "MiB", "mb": "MiB", "g": "GiB", "gb": "GiB", "t": "TiB", "tb": "TiB",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "mins": "min", "minute": "min",
    "minutes": "min", "hour": "h", "hours": "h", "hr": "h",
}  # fmt: skip
_NUMBER: Final = r"[0-9]{1,20}(?:\.[0-9]{1,20})?"
_QUANTITY: Final = re.compile(rf"({_NUMBER}) ?([A-Za-z]*)")
SIZE_PATTERN: Final = rf"{_NUMBER} ?(?:{'|'.join(SIZES)})"
"""A size, as a regular expression."""

TIME_PATTERN: Final = rf"{_NUMBER} ?(?:{'|'.join(TIMES)})"
"""A time, as a regular expression."""


class BadQuantity(ValueError):
    """The text is not a quantity; `hint` says what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _split(
    text: str, units: Mapping[str, int] | Mapping[str, Decimal], what: str, example: str
) -> tuple[Decimal, str]:
    """The number and its unit.

    Raises:
        BadQuantity: no number, no unit, or a unit that is not in `units`.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise BadQuantity(f"{text[:40]!r} is not a {what}", f'write a number and its unit, like "{example}"')
    number, unit = match.groups()
    if not unit:
        raise BadQuantity(f"the {what} {text!r} has no unit", f"write one of {', '.join(number + u for u in units)}")
    if unit not in units:
        same = {name.lower(): name for name in units}
        near = same.get(unit.lower()) or _NEAR_UNITS.get(unit.lower(), "")
        hint = did_you_mean(unit, units, what="units")
        if near in units:
            hint = f"did you mean {number + near!r}?"
        raise BadQuantity(f"{unit[:40]!r} is not a unit of a {what}", hint)
    return Decimal(number), unit


def parse_size(text: str) -> int:
    """Bytes of a size like "1GiB" or "1.5 MiB".

    Raises:
        BadQuantity: not a whole number of bytes from 1 to 2**63 - 1 with a unit of SIZES.
    """
    number, unit = _split(text, SIZES, "size", "512MiB")
    size = number * SIZES[unit]
    if size != int(size):
        raise BadQuantity(f"the size {text!r} is not a whole number of bytes", "use a smaller unit")
    if not 1 <= size <= LARGEST_SIZE:
        raise BadQuantity(f"the size {text!r} is out of range", "a size is 1 byte or more, and less than 2**63")
    return int(size)


def format_size(size: int) -> str:
    """The shortest exact way to write `size` bytes; `parse_size` reads it back."""
    unit = next(name for name, factor in reversed(tuple(SIZES.items())) if size % factor == 0)
    return f"{size // SIZES[unit]}{unit}"


def parse_seconds(text: str) -> float:
    """Seconds of a time like "90s", "2min", "1.5h" or "500ms".

    Raises:
        BadQuantity: not a number with a unit of TIMES.
    """
    number, unit = _split(text, TIMES, "time", "90s")
    return float(number * TIMES[unit])


def format_seconds(seconds: float) -> str:
    """An exact way to write `seconds` (finite, >= 0); `parse_seconds` reads whole milliseconds back."""
    exact = Decimal(repr(seconds))
    for unit in ("h", "min", "s", "ms"):
        count = exact / TIMES[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{exact:f}s"
