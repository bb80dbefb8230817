"""What an image itself calls ready: a line on its console, an HTTP answer, or both. Knows no Talos."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.boot import Boot
from hil.clock import Deadline, now_ns
from hil.console.transcript import Transcript, printable
from hil.errors import InfrastructureError
from hil.images.image import HttpReady, Ready
from hil.machine import Doors, Machine, SerialConsole
from hil.timeline.console_marks import STAMP_ERROR_NS
from hil.timeline.lines import Lines
from hil.timeline.stages import READY, USERSPACE
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from http.client import HTTPResponse

# QEMU accepts on a door before the guest listens, so a try must end soon; under TCG an answer takes 5-50 ms.
_TRY = 0.5
_BODY = 65536


class ImageReadiness:
    """Checks one boot; keeps the protocol `hil.watched.ReadySign`.

    Args:
        ready: what the image calls ready.
        machine: whose doors are used.
        transcript: what its console says.
        after: the console's incarnation that was over when this boot began.
    """

    def __init__(self, ready: Ready, machine: Machine, transcript: Transcript, *, after: int) -> None:
        self._ready = ready
        self._machine = machine
        self._transcript = transcript
        self._lines = Lines(transcript, after=after)
        self._said: Mark | None = None
        self._door: tuple[str, int] | None = None
        self._last_miss_ns: int | None = None

    @property
    def interval(self) -> float:
        """A console line is waited for; an HTTP answer has to be asked for."""
        return 0.1 if self._ready.http is not None else 60.0

    @property
    def awaited(self) -> str:
        """What is awaited, in words."""
        ways = []
        if self._ready.console is not None and self._said is None:
            ways.append(f"a console line with {self._ready.console.pattern.decode(errors='replace')!r}")
        if self._ready.http is not None:
            ways.append(f"an answer of http port {self._ready.http.port}{self._ready.http.path}")
        return " and ".join(ways)

    def check(self, boot: Boot) -> Mark | None:
        """The mark of being ready, or None.

        Raises:
            MissingPart: no door leads to the port that would answer.
        """
        if self._ready.console is not None and self._said is None:
            self._said = self._console_says(self._ready.console)
            if self._said is None:
                return None
        if self._ready.http is None:
            return self._said
        shows = SerialConsole in self._machine.parts and not boot.attached
        if shows and boot.timeline.first(USERSPACE) is None and self._said is None:
            return None
        return self._answers(self._ready.http)

    def news(self) -> list[Mark]:
        """None: what an image says of itself is on its console."""
        return []

    @property
    def evidence(self) -> list[str]:
        """None: the console has it all."""
        return []

    def begin_again(self) -> None:
        """The machine starts anew: what it said and answered before is no sign of being ready."""
        self._lines.skip()
        self._said, self._last_miss_ns = None, None

    def _console_says(self, pattern: re.Pattern[bytes]) -> Mark | None:
        for line in self._lines.take():
            if found := pattern.search(line.data):
                at = self._transcript.stamp_at(line.start + max(found.end() - 1, 0))
                return Mark(READY.name, at, STAMP_ERROR_NS, "console", printable(found.group()))
        return None

    def _answers(self, http: HttpReady) -> Mark | None:
        began = now_ns()
        try:
            status, body = self._get(http)
        except (OSError, InfrastructureError):  # the machine's doors open when its control channel does
            self._last_miss_ns = began
            return None
        if status != 200 or (http.body is not None and not http.body.search(body)):
            self._last_miss_ns = began
            return None
        now = now_ns()
        since = began if self._last_miss_ns is None else self._last_miss_ns
        return Mark(
            READY.name,
            now,
            now - since,
            "http",
            f"GET :{http.port}{http.path} {status} {' '.join(printable(body[:40]).split())}".rstrip(),
        )

    def _get(self, http: HttpReady) -> tuple[int, bytes]:
        from http.client import HTTPConnection, HTTPException

        deadline = Deadline.after(_TRY)
        if self._door is None:
            self._door = self._machine.part(Doors).reach(http.port, deadline=deadline)  # type: ignore[type-abstract]
        connection = HTTPConnection(*self._door, timeout=_TRY)
        try:
            connection.request("GET", http.path)
            answer: HTTPResponse = connection.getresponse()
            return answer.status, answer.read(_BODY)
        except HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
