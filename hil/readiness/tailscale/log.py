"""What Tailscale's container says in its log: its complaints, and why it cannot join. Asks nobody.

What tailscaled on the node complains of cannot be asked from outside: its LocalAPI is a socket within the container.
But it logs each complaint when it begins and when it ends (tailscale v1.102.3, ipn/ipnlocal/local.go,
onHealthChange).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hil.console.transcript import printable
from hil.readiness.tailscale.refusals import Refusal, refusal_in

_LONGEST: Final = 300
# A start is containerboot's first line about it, or tailscaled's own (cmd/containerboot/tailscaled.go; logpolicy).
_STARTS: Final = re.compile(rb"Starting tailscaled$|Program starting: v")
_HEALTH: Final = re.compile(rb"health\(warnable=(?P<code>[A-Za-z0-9-]{1,60})\): (?:ok|error: (?P<text>.*))")
# tailscaled leaves lines out of which there are too many, five and then one in five seconds of each kind, and says so
# (types/logger/logger.go, RateLimitedFnWithClock; cmd/tailscaled/tailscaled.go).
_LEFT_OUT: Final = re.compile(rb'\[RATELIMIT\] format\("(?P<health>health\(warnable=)?')
_STATE: Final = re.compile(rb"Switching ipn state \S+ -> (?P<state>[A-Za-z]{1,30})")
# The first is tailscaled's, the second that of `tailscale up` (cmd/tailscale/cli/up.go), which containerboot runs.
_ERROR: Final = re.compile(rb"(?:Received error|backend error): (?P<why>.*)")
_RUNNING: Final = b"Running"

# Complaints that say nothing of whether the node is reached (health/warnings.go; tsconst/health.go).
_HARMLESS: Final = frozenset(
    {"update-available", "security-update-available", "is-using-unstable-version", "warming-up"}
)
# Keys to join by (tskey-, hskey-) and API keys, an option that takes one, and what is as long as a secret.
_SECRET: Final = re.compile(
    r"\b(?:tskey|hskey)-[\w-]*|-(?:auth-?key|client-secret|id-token)[= ]\s*\S+|TS_AUTHKEY=\S+|\b[0-9a-f]{32,}\b", re.I
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the log says of the last start of Tailscale.

    Args:
        lines: how many lines were read in all.
        complaints: what tailscaled complains of now, by the code of the complaint.
        running: whether it has reached its state Running.
        error: the last error in joining, or "" once it runs.
        refusal: what no waiting mends of that, or None.
        gaps: whether lines about complaints were left out, so that one may have begun or ended unseen.
    """

    lines: int
    complaints: Mapping[str, str]
    running: bool
    error: str
    refusal: Refusal | None
    gaps: bool


class LogReader:
    """Reads the last lines of a log again and again, and keeps what earlier ones have said.

    Lines that were read before change nothing: what counts of each kind is the last that was said.
    """

    def __init__(self) -> None:
        self._lines = 0
        self._complaints: dict[str, str] = {}
        self._running = False
        self._error = ""
        self._gaps = False

    @property
    def begun(self) -> bool:
        """Whether anything was read yet."""
        return self._lines > 0

    def read(self, data: bytes) -> Said:
        """What the log says now.

        Args:
            data: its last lines.
        """
        lines = data.splitlines()
        for line in lines:
            self._line(line)
        self._lines = max(self._lines, len(lines))
        complaints = {code: text for code, text in self._complaints.items() if code not in _HARMLESS}
        refusal = refusal_in(self._error) if self._error else None
        return Said(self._lines, MappingProxyType(complaints), self._running, self._error, refusal, self._gaps)

    def _line(self, line: bytes) -> None:
        if _STARTS.search(line):
            self._complaints, self._running, self._error, self._gaps = {}, False, "", False
        elif found := _LEFT_OUT.search(line):
            self._gaps = self._gaps or found["health"] is not None
        elif found := _HEALTH.search(line):
            code = found["code"].decode()
            if found["text"] is None:
                self._complaints.pop(code, None)
            else:
                self._complaints[code] = shown(found["text"])
        elif found := _STATE.search(line):
            self._running = found["state"] == _RUNNING
            if self._running:
                self._error = ""
        elif found := _ERROR.search(line):
            self._error = shown(found["why"])


def shown(text: bytes) -> str:
    """Words of a log as they may be shown: on one line, without what may be a key."""
    words = " ".join(printable(text[: 4 * _LONGEST]).split())
    return _SECRET.sub("(hidden)", words)[:_LONGEST]
