"""Which node `hil check` is to ask, and how: one of an open bench, or any by its address. Asks none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.config.expect import TalosExpect, overridden
from hil.config.model import HostPort
from hil.errors import UsageError
from hil.keeper.runtime import live_benches
from hil.reached import Reached, access_of, read_reached
from hil.readiness.talos import talosconfig
from hil.readiness.talos.access import Access
from hil.readiness.talos.talosconfig import TalosConfigContext

_PORT = 50000


@dataclass(frozen=True, slots=True)
class Opening:
    """What a person says of how a node is opened.

    Args:
        talosconfig: the file; None for the one that talosctl would take.
        context: which of its contexts, or None for its own choice.
        insecure: ask as one asks a node in maintenance mode, without a talosconfig.
        fingerprint: of the key that such a node must show, or None.
    """

    talosconfig: Path | None = None
    context: str | None = None
    insecure: bool = False
    fingerprint: str | None = None

    @property
    def said(self) -> bool:
        """Whether anything was."""
        return self != Opening()


@dataclass(frozen=True, slots=True)
class Target:
    """One node to ask.

    Args:
        subject: what it is called.
        access: how it is reached and opened.
        expect: what must hold of it.
        simulated: what of it is simulated, in words, or "".
    """

    subject: str
    access: Access
    expect: TalosExpect
    simulated: str = ""


def find_target(name: str | None, opening: Opening, expected: Mapping[str, object]) -> Target:
    """The node that is meant.

    Args:
        name: NODE, BENCH/NODE, or ADDRESS[:PORT]; None for the only node that there is, or the talosconfig's endpoint.
        opening: how it is opened; a node of a bench needs none.
        expected: keys of `expect: {talos: ...}` that hold instead of what the rig says.

    Raises:
        UsageError: it is not clear which node is meant, or how it is opened.
        ConfigError: the talosconfig is wrong.
    """
    nodes = _nodes_of_benches()
    fitting = [full for full in nodes if name in (full, full.partition("/")[2])]
    if name is None and not opening.said:
        fitting = list(nodes)
    if len(fitting) > 1:
        raise UsageError(f"more than one node fits; there are: {', '.join(nodes)}", hint="name one, as BENCH/NODE")
    if fitting:
        reached = nodes[fitting[0]]
        expect = overridden(TalosExpect(), {**reached.expect, **expected})
        return Target(fitting[0], access_of(reached), expect, reached.simulated)
    if name is not None and "/" in name:
        open_ones = f"open are: {', '.join(nodes)}" if nodes else "no bench is open whose nodes were asked yet"
        raise UsageError(f"there is no node {name}", hint=f"{open_ones}; `hil boot --keep` leaves a bench open")
    access = _by_address(name, opening)
    return Target(access.place, access, overridden(TalosExpect(), expected))


def _nodes_of_benches() -> dict[str, Reached]:
    return {
        f"{bench.name}/{node}": reached
        for bench in live_benches()
        for node, reached in read_reached(bench.directory).items()
    }


def _by_address(name: str | None, opening: Opening) -> Access:
    context = None if opening.insecure else _context(opening)
    if name is None:
        if context is None or not context.endpoints:
            raise UsageError(
                "it was not said which node is meant, and no talosconfig names an endpoint",
                hint="name one: `hil check ADDRESS`; `hil console --list` shows the nodes of open benches",
            )
        name = context.endpoints[0]
    place = _place(name)
    return Access(place.host, place.port, context, opening.fingerprint)


def _context(opening: Opening) -> TalosConfigContext:
    file = opening.talosconfig or talosconfig.default_file()
    if file is None:
        raise UsageError(
            "there is no talosconfig: neither $TALOSCONFIG nor ~/.talos/config names one",
            hint="give --talosconfig FILE, or --insecure for a node in maintenance mode",
        )
    return talosconfig.load(file).context(opening.context)


def _place(name: str) -> HostPort:
    bare = name.strip("[]")
    with_port = f"[{bare}]:{_PORT}" if bare.count(":") > 1 and "]:" not in name else name
    try:
        return HostPort.parse(with_port if ":" in with_port else f"{name}:{_PORT}")
    except ValueError as error:
        raise UsageError(
            f"{name[:80]!r} is neither a node of an open bench nor an address",
            hint="write it like 10.0.0.5, or 10.0.0.5:50000",
        ) from error
