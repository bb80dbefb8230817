"""Asks for one HTTP answer of a node, over and over, each time by a new connection, and takes its time.

A connection that is refused, or ends without an answer, is the node's own word that nothing answers there: QEMU's
forwarded ports take each connection, and end it when the guest has refused it. No answer in time says nothing.

A connection that was made before the guest has an address is lost, and hangs. So the first requests are given up
early, each a little later than the one before, until the node was heard of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.errors import HilError, InfrastructureError
from hil.readiness.spin.timings import Stopwatch, Timings
from hil.services.tailnet.exchange import Answer, exchange, tcp

if TYPE_CHECKING:
    from hil.config.expect.spin import ServesExpect

_FIRST_PATIENCE = 1.0
_MORE_PATIENCE = 0.25


@dataclass(frozen=True, slots=True)
class Served:
    """What one request came to.

    Args:
        answer: what came; None where nothing answers.
        why: how the connection ended where nothing answers, or "".
        holds: whether it is the expected answer.
        timings: of all such requests until now.
    """

    answer: Answer | None
    why: str
    holds: bool
    timings: Timings

    @property
    def words(self) -> str:
        """It as a person reads it."""
        if self.answer is None:
            return f"nothing answers: {self.why}"
        if self.holds:
            return f"{self.answer.status}; {self.timings.words}"
        return f"{self.answer.status}: {self.answer.words}".rstrip(": ")


class Asker:
    """Asks for one answer.

    Args:
        expect: which.
        reach: where a TCP port of the node is reached now, by a deadline.
        began: when the machine's present life began, ns of the one clock: what is measured begins anew with each.
    """

    def __init__(
        self,
        expect: ServesExpect,
        reach: Callable[[int, Deadline], tuple[str, int]],
        began: Callable[[], int],
    ) -> None:
        self._expect = expect
        self._reach = reach
        self._began = began
        self._begin(began())

    def _begin(self, life: int) -> None:
        self._stopwatch = Stopwatch(life)
        self._heard = False
        self._lost = 0

    def ask(self, deadline: Deadline) -> Served:
        """Ask once.

        Args:
            deadline: of the answer; a node that was not heard of yet is given up sooner.

        Raises:
            HilError: no answer came in time, or the way to the port is not open.
        """
        if self._stopwatch.began_ns != (life := self._began()):
            self._begin(life)
        stopwatch = self._stopwatch
        began = now_ns()
        try:
            answer, why = self._once(self._patience(deadline))
        except HilError:
            stopwatch.silent(began)
            raise
        self._heard = True
        at_ns = now_ns()
        holds = answer is not None and self._fits(answer)
        if holds:
            stopwatch.answered(at_ns, (at_ns - began) / NANOSECONDS)
        else:
            stopwatch.silent(began)
        return Served(answer, why, holds, stopwatch.read())

    def _patience(self, deadline: Deadline) -> Deadline:
        return deadline if self._heard else deadline.sooner(_FIRST_PATIENCE + self._lost * _MORE_PATIENCE)

    def _once(self, deadline: Deadline) -> tuple[Answer | None, str]:
        """The answer, or how the connection ended without one."""
        where = f"port {self._expect.port}"
        host, port = self._reach(self._expect.port, deadline)
        try:
            return exchange(tcp(host, port), "GET", self._expect.path, host, deadline), ""
        except TimeoutError as error:
            self._lost += 1
            raise InfrastructureError(
                f"{where} gave no answer within {deadline}", hint="read the node's console: it may hang, or be busy"
            ) from error
        except ConnectionRefusedError:
            return None, "connection refused"
        except ConnectionError as error:
            return None, error.strerror.lower() if error.strerror else str(error)
        except OSError as error:
            raise InfrastructureError(
                f"{where} is not reached: {error.strerror or error}", hint="see whether the node is on"
            ) from error

    def _fits(self, answer: Answer) -> bool:
        body = self._expect.body
        return answer.status == self._expect.status and (body is None or body.encode() in answer.body)
