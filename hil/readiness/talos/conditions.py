"""What must hold of a Talos node, judged by one observation. Pure: asks nothing, and knows no more than it is given.

A value that could not be had is unknown, and unknown is never true. Talos's `ready` alone is no proof: it is always
true in maintenance mode, and Talos counts no extension service in it (siderolabs/talos v1.13.9,
controllers/runtime/machine_status.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.readiness.condition import Condition, Truth
from hil.readiness.talos.observation import Mode, Observation, ServiceState, Unknown
from hil.readiness.talos.trouble import Kind

if TYPE_CHECKING:
    from hil.config.expect import TalosExpect
    from hil.readiness.talos.console_progress import ConsoleProgress

API, CONSOLE = "api", "console"
MAINTENANCE = "maintenance"
ANY = "any"


def conditions(
    observation: Observation, expect: TalosExpect, console: ConsoleProgress | None = None
) -> tuple[Condition, ...]:
    """Each thing that must hold, and whether it does.

    Args:
        observation: what the last round found.
        expect: what must hold; what is not expected is not asked.
        console: how far the node came by its console; it speaks where the API does not answer. None without a console.

    Returns:
        the conditions, in the order in which a person reads them. Together they are what "ready" means.
    """
    judge = _Judge(observation)
    found = [judge.api(expect.stage), judge.stage(expect.stage, console)]
    if expect.stage != MAINTENANCE:
        found += [judge.ready(), judge.unmet()]
    if expect.version is not None:
        found.append(judge.equal("talos.version", expect.version, observation.version))
    if expect.hostname is not None:
        found.append(judge.hostname(expect.hostname))
    found += judge.extensions(expect)
    found += judge.services(expect)
    return tuple(found)


class _Judge:
    """Judges by one observation."""

    def __init__(self, observation: Observation) -> None:
        self._seen = observation

    def _of_api(self, name: str, expected: str, observed: str, *, holds: bool) -> Condition:
        truth = Truth.TRUE if holds else Truth.FALSE
        return Condition(name, truth, expected, observed, API, self._seen.at_ns)

    def _unknown(self, name: str, expected: str, why: Unknown) -> Condition:
        return Condition(name, Truth.UNKNOWN, expected, why.why, API, None)

    def equal(self, name: str, expected: str, value: str | Unknown) -> Condition:
        """A value that must be just so."""
        if isinstance(value, Unknown):
            return self._unknown(name, expected, value)
        return self._of_api(name, expected, value, holds=value == expected)

    def hostname(self, expected: str) -> Condition:
        """Its name; another one is the first sign that it was served the configuration of another node."""
        name = self._seen.hostname
        if isinstance(name, Unknown) or name == expected:
            return self.equal("talos.hostname", expected, name)
        observed = f"{name}: a configuration of another node?" if name else "it has no name"
        return self._of_api("talos.hostname", expected, observed, holds=False)

    def api(self, stage: str) -> Condition:
        """Whether Talos answers, and whom."""
        seen = self._seen
        expected = "answers in maintenance mode" if stage == MAINTENANCE else "answers to the talosconfig"
        trouble = seen.trouble
        if trouble is not None and not (trouble.kind is Kind.MAINTENANCE and stage == MAINTENANCE):
            if not trouble.decided:
                return self._unknown("talos.api", expected, Unknown(trouble.short))
            return self._of_api("talos.api", expected, trouble.short, holds=False)
        wanted = Mode.MAINTENANCE if stage == MAINTENANCE else Mode.CONFIGURED
        return self._of_api("talos.api", expected, _who(seen), holds=seen.mode is wanted)

    def stage(self, expected: str, console: ConsoleProgress | None) -> Condition:
        """The stage of the boot; the console speaks of it where the API does not answer."""
        seen = self._seen
        if not seen.reached and console is not None and console.words:
            return Condition("talos.stage", Truth.UNKNOWN, expected, console.words, CONSOLE, console.at_ns)
        return self.equal("talos.stage", expected, seen.stage)

    def ready(self) -> Condition:
        """Talos's own readiness, where it means something."""
        status = self._seen.status
        if isinstance(status, Unknown):
            return self._unknown("talos.ready", "ready", status)
        if status.stage == MAINTENANCE:
            return self._of_api("talos.ready", "ready", "nothing is checked in maintenance mode", holds=False)
        return self._of_api("talos.ready", "ready", "ready" if status.ready else "not ready", holds=status.ready)

    def unmet(self) -> Condition:
        """What Talos still waits for."""
        status = self._seen.status
        if isinstance(status, Unknown):
            return self._unknown("talos.unmet", "nothing", status)
        unmet = ", ".join(f"{item.name} ({' '.join(item.reason.split())})" for item in status.unmet)
        return self._of_api("talos.unmet", "nothing", unmet or "nothing", holds=not status.unmet)

    def extensions(self, expect: TalosExpect) -> Iterator[Condition]:
        """Each expected extension is there, in its version."""
        there = self._seen.extensions
        for extension, version in expect.extensions.items():
            name, expected = f"talos.extension.{extension}", "any version" if version == ANY else version
            if isinstance(there, Unknown):
                yield self._unknown(name, expected, there)
            elif extension not in there:
                yield self._of_api(name, expected, f"absent; there is {_listed(there)}", holds=False)
            else:
                found = there[extension]
                yield self._of_api(name, expected, found, holds=version in (ANY, found))

    def services(self, expect: TalosExpect) -> Iterator[Condition]:
        """Each expected extension service runs; one that Talos does not list does not."""
        there = self._seen.services
        for extension in expect.services:
            service = f"ext-{extension}"
            name = f"talos.service.{service}"
            if isinstance(there, Unknown):
                yield self._unknown(name, "running", there)
            elif service not in there:
                yield self._of_api(name, "running", "absent: Talos lists no such service", holds=False)
            else:
                state = there[service]
                yield self._of_api(name, "running", _state(state), holds=state.running)


def _who(seen: Observation) -> str:
    if seen.mode is Mode.MAINTENANCE:
        return "answers in maintenance mode" + ("" if seen.verified else "; its identity is unverified")
    return f"answers as {' and '.join(seen.roles)}" if seen.roles else "answers"


def _state(service: ServiceState) -> str:
    health = {None: "", True: "", False: ", unhealthy"}[service.healthy]
    said = f": {service.message}" if service.message and not service.running else ""
    return f"{service.state.lower()}{health}{said}"


def _listed(there: object) -> str:
    return ", ".join(sorted(there)) if isinstance(there, dict) and there else "none"
