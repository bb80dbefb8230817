"""One round: all that must be known of a Talos node, asked at once on a kept channel. Keeps nothing between rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from hil.clock import now_ns
from hil.readiness.talos.calls import Calls
from hil.readiness.talos.channel import CALL_FAILURES, answer_to
from hil.readiness.talos.http2 import BROKEN
from hil.readiness.talos.observation import Known, Mode, Observation, Unknown

T = TypeVar("T")

_QUESTIONS = 6
_NOT_YET = Unknown("Talos does not have it yet")
# What the simulated node says where Talos names the commit that it was built from (fixtures/node, internal/api).
_SIMULATED = "simnode"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a connection leads to.

    Args:
        place: host and port.
        mode: which side of Talos answers.
        roles: of the client certificate that was shown.
        fingerprint: of the key that the node showed.
        verified: whether that proves which node it is.
    """

    place: str
    mode: Mode
    roles: tuple[str, ...]
    fingerprint: str
    verified: bool


class NoAnswer(Exception):
    """A whole round brought nothing, so nobody is there to be believed.

    Args:
        cause: what the first of its questions came to.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def observe(calls: Calls, asked: Asked, boot_id: Known[str] | None) -> Observation:
    """Ask everything at once.

    Args:
        calls: the questions.
        asked: whom.
        boot_id: what is known of it, as it never changes on one connection; None to ask.

    Raises:
        NoAnswer: not one question was answered.
    """
    began = now_ns()
    failures: list[BaseException] = []

    async def value(question: Awaitable[T]) -> Known[T]:
        try:
            return await question
        except CALL_FAILURES as error:
            if not is_answer(error):
                failures.append(TimeoutError() if is_late(error) else error)
            return Unknown(why_unknown(error))

    status, version, hostname, extensions, services, addresses = await asyncio.gather(
        value(calls.status()),
        value(calls.version()),
        value(calls.hostname()),
        value(calls.extensions()),
        value(calls.services()),
        value(calls.addresses()),
    )
    if len(failures) == _QUESTIONS:
        raise NoAnswer(failures[0])
    if boot_id is None:
        boot_id = await answer_to(value(calls.boot_id()))
    return Observation(
        now_ns(),
        asked.mode,
        asked.place,
        status=status,
        version=version if isinstance(version, Unknown) else version.tag,
        hostname=hostname,
        extensions=extensions,
        services=services,
        boot_id=boot_id,
        addresses=addresses,
        roles=asked.roles,
        fingerprint=asked.fingerprint,
        verified=asked.verified,
        began_ns=began,
        simulated=not isinstance(version, Unknown) and version.sha == _SIMULATED,
    )


def is_answer(error: BaseException) -> bool:
    """Whether a failure is Talos's own no, and so proves that Talos is there."""
    if is_late(error):
        return False
    made_up = ("Received :status", "Missing ", "Invalid ")  # grpclib's own, where the peer speaks no gRPC
    return isinstance(error, GRPCError) and not (error.message or "").startswith(made_up)


def is_late(error: BaseException) -> bool:
    """Whether a failure is that the time for the answer passed, on whichever side that was seen."""
    late = isinstance(error, GRPCError) and error.status is Status.DEADLINE_EXCEEDED
    return late or isinstance(error, TimeoutError)


def why_unknown(error: BaseException) -> str:
    """Why a question has no answer, in a few words on one line."""
    if is_late(error):
        return "no answer in time"
    if isinstance(error, GRPCError):
        if error.status is Status.NOT_FOUND:
            return _NOT_YET.why
        words = " ".join((error.message or "").split())
        return f"{error.status.name}: {words}" if words else error.status.name
    if isinstance(error, StreamTerminatedError | ConnectionError):
        return "the connection ended"
    if isinstance(error, BROKEN):
        return f"the answer is not what it should be ({type(error).__name__}: {' '.join(str(error).split())[:80]})"
    return " ".join(str(error).split()) or type(error).__name__
