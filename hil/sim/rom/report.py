"""How a power-on of the twin's bootloader ended: a line of JSON for the board's player, and the process's status."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

Outcome: TypeAlias = Literal["handed over", "emmc", "halted", "reset"]
"""It started what it fetched; what is in the eMMC; nothing, and waits for ever; itself anew."""
Pins: TypeAlias = Literal["pl011", "mini", "off"]
"""What is on GPIO 14 and 15 after the hand-over."""

STATUS: Final[dict[Outcome, int]] = {"handed over": 0, "emmc": 3, "halted": 4, "reset": 5}
"""The status that a process ends with."""


@dataclass(frozen=True, slots=True)
class Report:
    """How it ended.

    Args:
        outcome: of the power-on.
        why: in words, for a person; "" after a hand-over.
        image: what was started, by the name that it was asked for under.
        sha256: of its bytes.
        pins: what its config.txt puts on GPIO 14 and 15.
        config: the config.txt as it was fetched; "" for none.
    """

    outcome: Outcome
    why: str = ""
    image: str = ""
    sha256: str = ""
    pins: Pins = "off"
    config: str = ""

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: bytes) -> Report:
        """A report that `to_json` wrote.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"no report of a bootloader: {line[:200]!r}") from error
