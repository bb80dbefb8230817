"""What a keeper says of one of its streams, with types."""

from __future__ import annotations

from dataclasses import dataclass

from hil.keeper.protocol import Fields


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream at one moment.

    Args:
        received: bytes so far, of all incarnations.
        incarnation: the number of the present or last one; 0 before the first.
        live: whether that one is still on.
        recording_error: why it is no longer recorded, or None.
        unheard: bytes that readers sent and no port took.
    """

    received: int
    incarnation: int
    live: bool
    recording_error: str | None
    unheard: int

    @classmethod
    def from_json(cls, document: object) -> StreamStatus:
        """The status that an answer carries; raises protocol.BadMessage when it is none."""
        fields = Fields(document)
        return cls(
            received=fields.number("bytes"),
            incarnation=fields.number("incarnation"),
            live=fields.flag("live"),
            recording_error=fields.text_or_none("recording_error"),
            unheard=fields.number("unheard_bytes"),
        )
