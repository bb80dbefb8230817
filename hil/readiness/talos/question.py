"""One question to Talos on the connection there is, and its failure in words. Imports gRPC, so import it late."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hil.readiness.talos.calls import Calls
from hil.readiness.talos.channel import CALL_FAILURES, answer_to
from hil.readiness.talos.connecting import Connection
from hil.readiness.talos.session import Session
from hil.readiness.talos.trouble import Kind, Trouble, forbidden
from hil.readiness.talos.words import Words

T = TypeVar("T")

_KEY: Final = re.compile(r"""^\s*(?:- )*(?:-|["']?[\w./-]+["']?:)(?=\s|$)""")
_LONGEST: Final = 1000


class NotAnswered(Exception):
    """A question was not answered with a yes.

    Args:
        trouble: why.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What is asked.

    Args:
        ask: asks it.
        what: what it is about, as in "Talos does not let hil ...".
        needed: the least role that may ask it (siderolabs/talos, internal/app/machined, system/services/machined.go).
        reads: whether it changes nothing, and so is asked again when the connection ends meanwhile.
    """

    ask: Callable[[Calls], Coroutine[object, object, T]]
    what: str
    needed: str
    reads: bool


async def ask(session: Session, question: Question[T]) -> T:
    """Ask, as soon as there is a connection.

    Args:
        session: it keeps the connection.
        question: what.

    Raises:
        NotAnswered: the connection ended, or Talos said no.
    """
    connection: Connection | None = None
    while True:
        connection = await session.connection(after=connection)
        try:
            return await answer_to(question.ask(connection.calls))
        except GRPCError as error:
            place, roles = connection.asked.place, connection.asked.roles
            if error.status is Status.PERMISSION_DENIED:
                said = error.message or ""
                raise NotAnswered(forbidden(place, roles, question.what, question.needed, said)) from error
            raise NotAnswered(_refused(place, question.what, error)) from error
        except CALL_FAILURES as error:
            if not (question.reads and connection.channel.lost):
                raise NotAnswered(Words(connection.access).ended(error)) from error


def _refused(place: str, what: str, error: GRPCError) -> Trouble:
    said = without_values(error.message or "")
    return Trouble(
        Kind.REFUSED_CALL,
        f"{place} was asked to {what} and says no: {said} ({error.status.name})",
        "Talos's own words say what it does not like",
        f"says no ({error.status.name})",
    )


def without_values(said: str) -> str:
    """Talos's words on one line, without the values of a configuration that it quotes: one of them may be a key.

    It quotes the YAML of what it does not know, a key or a list's item in each line (machinery, config/decoder).
    """
    lines = [_without_value(line) for line in said.splitlines()]
    whole = " ".join(" ".join(lines).split())
    return whole if len(whole) <= _LONGEST else whole[:_LONGEST] + "..."


def _without_value(line: str) -> str:
    """The line with its YAML key alone; what is indented by spaces and has no key is more of a value."""
    if (key := _KEY.match(line)) is not None:
        return key.group() + (" ..." if line[key.end() :].strip() else "")
    return "..." if line.startswith(" ") else line
