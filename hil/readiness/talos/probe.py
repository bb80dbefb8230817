"""Talos on one node as a probe: its API asked in the background, its console read, both judged by what is expected.

Keeps the protocol `hil.readiness.panel.Probe`. The API is asked from the moment on at which the console shows that a
kernel runs: before that nobody could answer, and a firmware has no use for connections to a port it does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.console.transcript import Transcript
from hil.readiness.condition import Condition
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.conditions import conditions
from hil.readiness.talos.console_progress import ConsoleProgress, ProgressReader
from hil.readiness.talos.observation import Mode, Observation, unreachable
from hil.readiness.talos.trouble import Kind, Trouble
from hil.timeline.lines import Lines
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.config.expect import TalosExpect
    from hil.readiness.talos.access import Access

# A machine whose console says nothing at all (no console= argument) may be Talos all the same.
_SILENT = 20.0
# Which troubles no waiting mends: what was given to hil is wrong, not what the node does.
_HOPELESS = frozenset({Kind.CLIENT_EXPIRED, Kind.CLIENT_UNUSABLE, Kind.OTHER_CLUSTER, Kind.OTHER_KEY})
_STATUS = "talos.status"
# What is watched comes by a kept connection: a busy guest under emulation sends it within this time.
_HEARD_LATE_NS = 250_000_000
_SIMULATED = "simulated Talos node"
_NO_KERNEL = Trouble(
    Kind.NO_ANSWER, "Talos was not asked yet: no kernel runs", "wait", "not asked yet: no kernel runs"
)
_NOTHING_YET = Trouble(Kind.NO_ANSWER, "Talos was asked and has not answered yet", "wait", "no answer yet")


# Rounds come every 5 s, or sooner (hil.readiness.talos.patience); what is older than this is no answer any more.
_STALE = 10.0


class TalosProbe:
    """Asks Talos on one node, from its making to its close.

    Args:
        node: the node's name, for messages.
        expect: what must hold of it.
        reach: how its API is reached now, given the fingerprint that its console says ("" for none); called in another
            thread.
        transcript: what its console says; None where there is no console.
        after: the console's incarnation that was over when its present boot began.
        api: asks it already; the probe closes it. None for one of the probe's own, by `reach`.
    """

    def __init__(
        self,
        node: str,
        expect: TalosExpect,
        reach: Callable[[str], Access],
        transcript: Transcript | None = None,
        *,
        after: int = 0,
        api: TalosApi | None = None,
    ) -> None:
        self.expect = expect
        self._node = node
        self._reach = reach
        self._transcript = transcript
        self._lines = None if transcript is None else Lines(transcript, after=after)
        self._reader = ProgressReader()
        self._silence = Deadline.after(_SILENT)
        self._api = api

    @property
    def api(self) -> TalosApi:
        """Asks it single questions; begins to ask when nobody has yet."""
        if self._api is None:
            self._api = TalosApi(self._node, lambda: self._reach(self._reader.progress.fingerprint))
        return self._api

    @property
    def console(self) -> ConsoleProgress | None:
        """How far it came by its console; None without one."""
        return None if self._lines is None else self._reader.progress

    def running_since(self, service: str) -> int | None:
        """When a service came to run, ns of the one clock; None where it does not, or its console does not tell.

        Args:
            service: its id, as "ext-tailscale".
        """
        return None if self.console is None else self.console.running_ns.get(service)

    @property
    def begun(self) -> bool:
        """Whether somebody could answer: its console has shown a kernel, or says nothing. For any thread."""
        return self._lines is None or self._reader.progress.begun or self._silence.expired

    @property
    def answering(self) -> TalosApi | None:
        """Its API while it answers; None before, and where it does not. For any thread."""
        latest = None if self._api is None else self._api.latest
        return self._api if latest is not None and latest.reached else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's own, with their prefix lengths, by the last round; () where that is not known. For any thread."""
        latest = None if self._api is None else self._api.latest
        return latest.addresses if latest is not None and isinstance(latest.addresses, tuple) else ()

    @property
    def boot_id(self) -> str:
        """Of the kernel, by the last round of questions; "" where that is not known."""
        found = self._latest().boot_id
        return found if isinstance(found, str) else ""

    @property
    def simulated(self) -> str:
        """What of it is simulated, by what its API says of itself; "" where nothing was said of that."""
        return _SIMULATED if self._latest().simulated else ""

    def look(self) -> tuple[Condition, ...]:
        """What must hold of it, by what was last found."""
        return self.look_for(self.expect)

    def look_for(self, expect: TalosExpect, since_ns: int = 0) -> tuple[Condition, ...]:
        """The same for other expectations.

        Args:
            expect: they.
            since_ns: what was asked before that moment, ns of the one clock, is unknown.
        """
        latest = self._latest()
        if latest.reached and latest.began_ns < since_ns:
            latest = unreachable(now_ns(), latest.place, _NOTHING_YET)
        return conditions(latest, expect, self.console)

    def ask_now(self) -> None:
        """Have a round of questions begin at once, where anybody can answer yet."""
        if self._api is not None:
            self._api.ask_now()

    def news(self) -> list[Mark]:
        """Changes between two rounds of what must hold, each with its moment: a state that was short is seen too.

        What else changes is in Talos's own events.
        """
        if self._api is None:
            return []
        watched = {_STATUS, *(f"talos.service.ext-{name}" for name in self.expect.services)}
        return [
            Mark(change.what, change.at_ns, _HEARD_LATE_NS, "api", change.evidence)
            for change in self._api.changes()
            if change.what in watched and not change.first
        ]

    @property
    def hopeless(self) -> str:
        """Why no waiting will make it ready, or ""."""
        self._read()
        if self.console is not None and self.console.hopeless:
            return self.console.hopeless
        trouble = self._latest().trouble
        return trouble.message if trouble is not None and trouble.kind in _HOPELESS else ""

    @property
    def broken(self) -> str:
        """Nothing: whatever keeps Talos from being asked may be the node's own doing."""
        return self.cannot_ask(self.expect)

    def cannot_ask(self, expect: TalosExpect) -> str:
        """Nothing, whatever is expected."""
        del expect
        return ""

    def begin_again(self) -> None:
        """The machine starts anew: what it said and answered before no longer counts."""
        if self._lines is not None:
            self._lines.skip()
        self._reader = ProgressReader()
        if self._api is not None:
            self._api.forget()

    def close(self) -> None:
        """Stop asking."""
        if self._api is not None:
            self._api.close()

    def _latest(self) -> Observation:
        self._read()
        if self._api is None and not self.begun:
            return unreachable(now_ns(), self._node, _NO_KERNEL)
        latest = self.api.latest
        if latest is None:
            return unreachable(now_ns(), self._node, _NOTHING_YET)
        age = (now_ns() - latest.at_ns) / NANOSECONDS
        # A node that went without a word leaves the connection open: what was true then may not be now.
        if age >= _STALE:
            return unreachable(now_ns(), latest.place, _stale(latest.place, age))
        # It may answer before its console has said whose key is its own; the key that it showed is known.
        said = self._reader.progress.fingerprint
        proved = latest.mode is Mode.MAINTENANCE and said != "" and said == latest.fingerprint
        return replace(latest, verified=True) if proved and not latest.verified else latest

    def _read(self) -> None:
        if self._lines is None or self._transcript is None:
            return
        for line in self._lines.take():
            if line.complete:
                self._reader.line(line, self._transcript.stamp_at(line.start))


def _stale(place: str, age: float) -> Trouble:
    return Trouble(
        Kind.STALLED,
        f"{place} has not answered for {age:.0f} s",
        "read the node's console: it may hang, or be off",
        f"no answer for {age:.0f} s",
    )
