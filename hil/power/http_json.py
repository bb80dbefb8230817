"""JSON that a device answers, read strictly: what is not as documented is no answer, never a value. Asks nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from hil.power.http_device import Answer, HttpDevice
from hil.power.port import PortGarbled


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object of an answer.

    Args:
        values: by key.
        at: where it stands in the answer, as "meters[0]."; "" for all of it.
        failed: makes the error of what is not as documented.
    """

    values: Mapping[str, object]
    at: str
    failed: Callable[[str], PortGarbled]

    def __contains__(self, key: str) -> bool:
        """Whether it has that key."""
        return key in self.values

    def flag(self, key: str) -> bool:
        """True or false; PortGarbled where it is neither."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def text(self, key: str) -> str:
        """A text; PortGarbled where it is none."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def number(self, key: str, index: int | None = None) -> float:
        """A finite number; PortGarbled where it is none.

        Args:
            key: of it.
            index: which, where the value may be a list of numbers; a number alone is the number of each.
        """
        value = self.values.get(key)
        if index is not None and isinstance(value, list):
            value = value[index] if index < len(value) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._wrong(key, "a finite number")
        return number

    def number_if_there(self, key: str, index: int | None = None) -> float | None:
        """As `number`; None where there is no such key, or it is null."""
        return None if self.values.get(key) is None else self.number(key, index)

    def section(self, key: str) -> Document:
        """An object in it; PortGarbled where it is none."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "an object")
        return Document(value, f"{self.at}{key}.", self.failed)

    def element(self, key: str, index: int) -> Document | None:
        """An object of a list; None where the list is not that long, PortGarbled where it is no list of objects."""
        value = self.values.get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        if index >= len(value):
            return None
        if not isinstance(value[index], dict):
            raise self._wrong(key, "a list of objects")
        return Document(value[index], f"{self.at}{key}[{index}].", self.failed)

    def _wrong(self, key: str, expected: str) -> PortGarbled:
        had = "there is none" if key not in self.values else f"it is {str(self.values[key])[:40]!r}"
        return self.failed(f"{self.at}{key} must be {expected}, and {had}")


def document(device: HttpDevice, answer: Answer) -> Document:
    """The JSON object that a device answered.

    Args:
        device: which, for messages.
        answer: what it said.

    Raises:
        PortGarbled: it is no JSON (RFC 8259, which has no NaN and no Infinity), or no object.
    """

    def failed(why: str) -> PortGarbled:
        return PortGarbled(
            f"{device.what}: its answer is not as documented: {device.words(why)}",
            hint="see whether the rig file's `kind:` is the device's; hil knows no firmware that answers so",
        )

    def no_number(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    try:
        values = json.loads(answer.body, parse_constant=no_number)
    except (ValueError, RecursionError):
        # Its message may be as long as the answer.
        raise failed(f"no JSON: {device.words(answer.body)}") from None
    if not isinstance(values, dict):
        raise failed(f"no JSON object: {device.words(answer.body)}")
    return Document(values, "", failed)
