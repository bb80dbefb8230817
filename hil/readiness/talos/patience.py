"""How long asking Talos may take. Only numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds.

    Args:
        again: from the beginning of one try to connect to that of the next.
        one_try: for one try, up to the first answer.
        soon: before the next try when the last one failed as it does on a machine that boots.
        after_no: before the next try when the last one failed for what time alone does not heal.
        stall: for the answer to a question on a connection.
        interval: from one round to the next when nothing seems to happen.
        farewell: for the last answers of a server that stops.
        gap: from one round to the next at least, unless somebody asks for it.
    """

    again: float = 0.5
    one_try: float = 3.0
    soon: float = 0.2
    after_no: float = 1.0
    stall: float = 10.0
    interval: float = 5.0
    farewell: float = 2.0
    gap: float = 0.25
