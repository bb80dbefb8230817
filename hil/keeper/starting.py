"""Waits until a child of the keeper is ready, and says with its last words why it is not. Starts and ends nothing."""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from hil.clock import Deadline
from hil.console.stream import FeedClosed
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper

_LAST_LINES: Final = 8
_PAUSE: Final = 0.02

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Past:
    """How far a stream has come when a process is about to be started.

    Args:
        said: its bytes.
        incarnations: how many processes it was of.
    """

    said: int = 0
    incarnations: int = 0


def past(keeper: Keeper, stream: str) -> Past:
    """What there is of a stream now; nothing where there is no stream yet."""
    known = keeper.streams().get(stream)
    return Past() if known is None else Past(known.received, known.incarnation)


def await_ready(
    keeper: Keeper,
    stream: str,
    ready: Callable[[bytes], T | None],
    *,
    what: str,
    hint: str,
    since: Past,
    deadline: Deadline,
) -> T:
    """Ask again and again whether a process is ready, until it is, or has ended.

    Args:
        keeper: whose child it is.
        stream: its name there.
        ready: gets all that it has said; None for "not yet". Asked also after its end.
        what: the process, for messages.
        hint: what to do when it does not become ready.
        since: from `past`, before its start: what it says begins there.
        deadline: for its readiness.

    Raises:
        InfrastructureError: it ended, or is not ready at the deadline; with its last words.
    """
    said, ended = b"", False

    def failed(message: str) -> InfrastructureError:
        lines = said.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
        return InfrastructureError(f"{what} {message}", hint=hint, evidence=lines)

    with keeper.attach(stream, start=since.said) as feed:
        while (answer := ready(said)) is None:
            if ended:
                raise failed(f"ended, with status {keeper.exit_status(stream)}")
            if deadline.expired:
                raise failed(f"is not ready after {deadline}")
            if select.select([feed], [], [], _PAUSE)[0]:
                try:
                    # The end of the process before stands where the output of this one begins.
                    chunks = [chunk for chunk in feed.read() if chunk.incarnation > since.incarnations]
                except FeedClosed as error:
                    raise failed("is out of reach: its keeper has ended") from error
                said += b"".join(chunk.data for chunk in chunks)
                ended = ended or any(not chunk.data for chunk in chunks)
    return answer
