"""Waits until a child of the keeper is ready, and says with its last words why it is not. Starts and ends nothing."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Final, TypeVar

from hil.clock import Deadline
from hil.console.stream import FeedClosed
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper

_LAST_LINES: Final = 8
_PAUSE: Final = 0.02

T = TypeVar("T")


def said_so_far(keeper: Keeper, stream: str) -> int:
    """Where a stream ends now: what a process that is started next says begins there; 0 where there is no stream."""
    known = keeper.streams().get(stream)
    return 0 if known is None else known.received


def await_ready(
    keeper: Keeper,
    stream: str,
    ready: Callable[[bytes], T | None],
    *,
    what: str,
    hint: str,
    start: int,
    deadline: Deadline,
) -> T:
    """Ask again and again whether a process is ready, until it is, or has ended.

    Args:
        keeper: whose child it is.
        stream: its name there.
        ready: gets all that it has said; None for "not yet". Asked also after its end.
        what: the process, for messages.
        hint: what to do when it does not become ready.
        start: where its output begins, from `said_so_far` before its start.
        deadline: for its readiness.

    Raises:
        InfrastructureError: it ended, or is not ready at the deadline; with its last words.
    """
    said, ended = b"", False

    def failed(message: str) -> InfrastructureError:
        lines = said.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
        return InfrastructureError(f"{what} {message}", hint=hint, evidence=lines)

    with keeper.attach(stream, start=start) as feed:
        while (answer := ready(said)) is None:
            if ended:
                raise failed(f"ended, with status {keeper.exit_status(stream)}")
            if deadline.expired:
                raise failed(f"is not ready after {deadline}")
            if select.select([feed], [], [], _PAUSE)[0]:
                try:
                    chunks = feed.read()
                except FeedClosed as error:
                    raise failed("is out of reach: its keeper has ended") from error
                said += b"".join(chunk.data for chunk in chunks)
                ended = any(not chunk.data for chunk in chunks)
    return answer
