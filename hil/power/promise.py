"""How a bench has promised to leave a power port: what its keeper's journal holds, and whoever keeps it needs.

No secret is in it: the rig file is read again when it is kept. Switches nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

from hil.config.power import PowerConfig

KIND: Final = "power"
"""What the keeper's journal calls such an entry."""


_LONGEST: Final = 7200.0


class BadPromise(ValueError):
    """A text or a journal's entry is no promise."""


@dataclass(frozen=True, slots=True)
class Promise:
    """How one port is left.

    Args:
        rig: the rig file.
        port: what that calls the port.
        on: whether it is left on.
        section: from `section_mark`: whether the file still means the same port.
        locks: the lock files of the port.
        history: the file of its interlock.
        holder: what its bench wrote into the lock files as the holder.
        within: s in which it must be done.
    """

    rig: str
    port: str
    on: bool
    section: str
    locks: tuple[str, ...]
    history: str
    holder: str
    within: float

    def to_json(self) -> dict[str, object]:
        """It as the journal has it."""
        return asdict(self) | {"locks": list(self.locks)}

    @classmethod
    def from_json(cls, document: object) -> Promise:
        """It from the journal.

        Raises:
            BadPromise: it is none.
        """
        match document:
            case {
                "rig": str() as rig,
                "port": str() as port,
                "on": bool() as on,
                "section": str() as section,
                "locks": list() as locks,
                "history": str() as history,
                "holder": str() as holder,
                "within": int() | float() as within,
            } if 0 <= within <= _LONGEST and all(isinstance(lock, str) for lock in locks):
                return cls(rig, port, on, section, tuple(locks), history, holder, float(within))
        raise BadPromise("this is no promise of how a power port is left")

    def to_text(self) -> str:
        """It as one argument of a program."""
        return json.dumps(self.to_json())

    @classmethod
    def from_text(cls, text: str) -> Promise:
        """It from that argument.

        Raises:
            BadPromise: it is none.
        """
        try:
            return cls.from_json(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise BadPromise("this is no promise of how a power port is left") from error


def section_mark(config: PowerConfig) -> str:
    """A mark of which port a rig's section means: the same as long as the section means the same.

    How it is left, and its interlocks, are no part of it. Of what comes from the environment only the variable's name
    is in it, for everybody on the host may see it.
    """
    own = set(type(config).model_fields) - (set(PowerConfig.model_fields) - {"kind"})
    # A value from the environment, and a secret, have only the variable's name in their repr.
    shown = {key: repr(getattr(config, key)) for key in sorted(own)}
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]
