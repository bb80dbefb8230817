"""What keeper and client say to each other: one JSON document a line, each answer with the number of its request.

A request is {"id": 1, "do": "spawn", ...}; an answer {"id": 1, "result": ...} or {"id": 1, "error": {...}}. After the
answer to "attach" a connection carries chunks one way and plain bytes the other (hil.console.stream). This module
opens no socket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from hil.errors import HilBug, HilError, InfrastructureError, UsageError

SOCKET_NAME = "keeper.sock"
ALIVE_NAME = "alive"
STDERR_NAME = "keeper.err"
JOURNAL_NAME = "journal"
MAX_LINE = 4 << 20

_KINDS: dict[str, type[InfrastructureError | UsageError | HilBug]] = {
    "infrastructure": InfrastructureError,
    "usage": UsageError,
    "bug": HilBug,
}


class BadMessage(ValueError):
    """A line is not a message, or lacks a field, or has one of another type."""


def encode(message: Mapping[str, object]) -> bytes:
    """A message as its line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, object]:
    """The message of a line.

    Raises:
        BadMessage: it is not one.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessage("a line is not a JSON document") from error
    if not isinstance(message, dict):
        raise BadMessage("a line is not a JSON object")
    return message


def error_to_json(error: HilError) -> dict[str, object]:
    """An error as an answer carries it."""
    kind = next((name for name, cls in _KINDS.items() if isinstance(error, cls)), "bug")
    return {"kind": kind, "message": error.message, "hint": error.hint, "evidence": list(error.evidence)}


def error_from_json(document: object) -> HilError:
    """The error that an answer carries.

    Raises:
        BadMessage: it is not one.
    """
    fields = Fields(document)
    cls = _KINDS.get(fields.text("kind"))
    if cls is None:
        raise BadMessage("an error of an unknown kind")
    return cls(fields.text("message"), hint=fields.text("hint"), evidence=fields.texts("evidence"))


class Fields:
    """Typed access to a message's fields; each method raises BadMessage when the field is missing or of another type.

    Args:
        document: a decoded message.
    """

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise BadMessage(f"an object was expected, not {type(document).__name__}")
        self._document: dict[str, object] = document

    def text(self, name: str) -> str:
        """A string."""
        value = self._document.get(name)
        if not isinstance(value, str):
            raise BadMessage(f"{name} is not a string")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A string or null."""
        return None if self._document.get(name) is None else self.text(name)

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._document.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadMessage(f"{name} is not a list of strings")
        return value

    def table_or_none(self, name: str) -> dict[str, str] | None:
        """An object of strings, or null."""
        return None if self._document.get(name) is None else self.table(name)

    def table(self, name: str) -> dict[str, str]:
        """An object of strings."""
        value = self._document.get(name)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise BadMessage(f"{name} is not an object of strings")
        return value

    def object(self, name: str) -> dict[str, object]:
        """An object."""
        value = self._document.get(name)
        if not isinstance(value, dict):
            raise BadMessage(f"{name} is not an object")
        return value

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._document.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadMessage(f"{name} is not a whole number")
        return value

    def number_or_none(self, name: str) -> int | None:
        """A whole number or null."""
        return None if self._document.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._document.get(name)
        if not isinstance(value, bool):
            raise BadMessage(f"{name} is neither true nor false")
        return value
