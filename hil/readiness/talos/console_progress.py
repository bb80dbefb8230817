"""How far Talos came, and what it cannot get over, by the lines of its console. Reads no port and asks no API.

The words are one table, `hil.readiness.talos.console_rows`; each line is looked at once. A kernel that starts anew
begins anew here too.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hil.console.transcript import printable
from hil.readiness.talos.console_rows import ROWS, Row
from hil.timeline.lines import Line

_LONGEST: Final = 4096
_MOST_SERVICES: Final = 200
_SHOWN: Final = 3
# Where a service of Talos can rest (machinery, api/machine, ServiceStateEvent).
_RUNNING: Final = "Running"
_SETTLED: Final = frozenset({_RUNNING, "Finished", "Skipped"})
# In a guest go-kmsg writes the line; a Talos in a container prints it with a date (siderolabs/talos, pkg/logging).
_PREFIX: Final = re.compile(
    rb"^(?:\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? )?(?P<talos>\[talos\] (?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?)?"
)


@dataclass(frozen=True, slots=True)
class ConsoleProgress:
    """What a console has told of the present boot.

    Args:
        begun: whether a kernel runs.
        doing: the last step, in words.
        at_ns: when that was printed, or read, ns of the one clock.
        services: the last state of each service of Talos, by id.
        running_ns: when each of those that run came to run, where that is known, ns of the one clock.
        fingerprint: of the key of a node in maintenance mode, or "".
        ready: whether Talos said that the machine is running and ready.
        hopeless: what no waiting mends, in words, or "".
    """

    begun: bool = False
    doing: str = ""
    at_ns: int | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    running_ns: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    ready: bool = False
    hopeless: str = ""

    @property
    def words(self) -> str:
        """How far it came, for a table; "" when nothing was said."""
        if self.hopeless:
            return self.hopeless
        waiting = [f"{name} {state.lower()}" for name, state in self.services.items() if state not in _SETTLED]
        more = ", ..." if len(waiting) > _SHOWN else ""
        return self.doing + (f" ({', '.join(waiting[:_SHOWN])}{more})" if waiting and self.doing else "")


class ProgressReader:
    """Follows the lines of one console."""

    def __init__(self) -> None:
        self.progress = ConsoleProgress()

    def line(self, line: Line | bytes, at_ns: int | None = None) -> None:
        """Take in the next line.

        Args:
            line: complete or not; of a very long one only the beginning counts.
            at_ns: when it was printed, ns of the one clock; None where that is not known.
        """
        data = (line.data if isinstance(line, Line) else line)[:_LONGEST].rstrip(b"\r\n")
        prefix = _PREFIX.match(data)
        said = data if prefix is None else data[prefix.end() :]
        by_talos = prefix is not None and prefix["talos"] is not None
        for row in ROWS:
            if row.talos and not by_talos:
                continue
            if found := row.pattern.search(said):
                self._take(row, found, at_ns)
                return

    def _take(self, row: Row, found: re.Match[bytes], at_ns: int | None) -> None:
        groups = {name: _text(text or b"", json_inside=row.json) for name, text in found.groupdict().items()}
        before = ConsoleProgress() if row.anew else self.progress
        services, running = dict(before.services), dict(before.running_ns)
        if row.service and len(services) < _MOST_SERVICES:
            services[groups["service"]] = groups["state"]
            running.pop(groups["service"], None)
            if groups["state"] == _RUNNING and at_ns is not None:
                running[groups["service"]] = at_ns
        said = bool(row.doing)
        self.progress = ConsoleProgress(
            begun=True,
            doing=row.doing.format_map(groups) if said else before.doing,
            at_ns=at_ns if said or row.hopeless else before.at_ns,
            services=services,
            running_ns=running,
            fingerprint=groups.get("fingerprint") or before.fingerprint,
            ready=row.ready or before.ready,
            hopeless=before.hopeless or row.hopeless.format_map(groups),
        )


def _text(data: bytes, *, json_inside: bool) -> str:
    """A group of a line as text on one line, safe to show."""
    text = data.decode(errors="replace")
    if json_inside:
        with contextlib.suppress(ValueError):  # a line that was cut in an escape is shown as it is
            text = str(json.loads(f'"{text}"'))
    return " ".join(printable(text.encode(errors="replace")).split())
