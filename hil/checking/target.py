"""Which node `hil check` is to ask, and how: one of an open bench, or any by its address. Asks none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hil.checking.around import Around
from hil.errors import UsageError
from hil.keeper.runtime import live_benches
from hil.reached import Reached, access_of, read_reached
from hil.readiness.talos import talosconfig
from hil.readiness.talos.access import Access
from hil.readiness.talos.talosconfig import TalosConfigContext

if TYPE_CHECKING:
    from hil.config.expect import Expect, TalosExpect

_PORT: Final = 50000
_ADDRESS: Final = re.compile(
    r"(?P<bare>[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)"
    r"|(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?"
)


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


@dataclass(frozen=True)
class Target:
    """One node to ask.

    Args:
        subject: what it is called.
        access: how it is reached and opened.
        expected: what must hold of it, as keys of `expect: {talos: ...}`; None where Talos is not asked.
        simulated: what of it is known to be simulated, in words, or "".
        name: what the node is called, where that is known.
        sections: the other sections of `expect:`, each with its keys.
        around: how what stands around it is asked.
    """

    subject: str
    access: Access
    expected: Mapping[str, object] | None
    simulated: str = ""
    name: str = ""
    sections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    around: Around = field(default_factory=Around)

    @cached_property
    def expect(self) -> TalosExpect:
        """What must hold of it. Made when it is first needed: that takes a third of the time to the first question.

        Raises:
            UsageError: there is no such key, or its value cannot be.
        """
        from hil.config.expect import TalosExpect, overridden

        return overridden(TalosExpect(), self.expected or {})

    @cached_property
    def whole(self) -> Expect:
        """All that must hold of it and around it.

        Raises:
            UsageError: there is no such section or key, or a value cannot be.
        """
        from hil.checking.sections import whole

        talos = {} if self.expected is None else {"talos": self.expected}
        return whole({**talos, **self.sections})


def find_target(
    name: str | None,
    opening: Opening,
    expected: Mapping[str, object],
    sections: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    around: Around | None = None,
) -> Target:
    """The node that is meant.

    Args:
        name: NODE, BENCH/NODE, or ADDRESS[:PORT]; None for the only node that there is, or the talosconfig's endpoint.
        opening: how it is opened; a node of a bench needs none, and what is said goes before what the rig says.
        expected: keys of `expect: {talos: ...}` that hold instead of what the rig says.
        sections: the other sections that hold instead, each with its keys.
        around: how what stands around it is asked; None for what a bench says, and this host has.

    Raises:
        UsageError: it is not clear which node is meant, or how it is opened, or what is expected of it cannot be.
        ConfigError: the talosconfig or the kubeconfig is wrong.
    """
    target = _found(name, opening, expected, sections, around or Around())
    if expected or sections:
        _ = target.whole  # what a person got wrong is said before anyone is asked
    if target.sections:
        target.around.must_open()
    return target


def _found(
    name: str | None,
    opening: Opening,
    expected: Mapping[str, object],
    sections: Mapping[str, Mapping[str, object]],
    around: Around,
) -> Target:
    nodes = _nodes_of_benches()
    fitting = [full for full in nodes if name in (full, full.partition("/")[2])]
    if name is None and not opening.said:
        fitting = list(nodes)
    if len(fitting) > 1:
        raise UsageError(f"more than one node fits; there are: {', '.join(nodes)}", hint="name one, as BENCH/NODE")
    if fitting:
        directory, found = nodes[fitting[0]]
        reached = _opened(found, opening)
        return Target(
            fitting[0],
            access_of(reached),
            {**reached.expect, **expected},
            reached.simulated,
            reached.node,
            {**reached.sections, **{name: {**reached.sections.get(name, {}), **sections[name]} for name in sections}},
            _of_bench(directory, reached, around),
        )
    if name is not None and "/" in name:
        open_ones = f"open are: {', '.join(nodes)}" if nodes else "no bench is open whose nodes were asked yet"
        raise UsageError(f"there is no node {name}", hint=f"{open_ones}; `hil boot --keep` leaves a bench open")
    access = _by_address(name, opening, talos=bool(expected) or not sections)
    asks_talos = bool(expected) or not sections or access.talosconfig is not None or opening.insecure
    return Target(access.place, access, expected if asks_talos else None, sections=sections, around=around)


def _of_bench(directory: Path, reached: Reached, around: Around) -> Around:
    """What a bench says of its node's surroundings, where a person has not said otherwise."""
    file = Path(reached.kubeconfig) if reached.kubeconfig else None
    return replace(
        around,
        kubeconfig=around.kubeconfig or file,
        kube_context=around.kube_context or (None if around.kubeconfig else reached.kube_context or None),
        bench=directory,
        networks=reached.networks,
        doors={int(port): door for port, door in reached.doors.items() if port.isdecimal()},
    )


def _opened(reached: Reached, opening: Opening) -> Reached:
    """A node of a bench, opened as a person says."""
    if opening.insecure:
        reached = replace(reached, talosconfig="", context="")
    elif opening.talosconfig is not None:
        reached = replace(reached, talosconfig=str(opening.talosconfig), context=opening.context or "")
    elif opening.context is not None:
        reached = replace(reached, context=opening.context)
    return reached if opening.fingerprint is None else replace(reached, fingerprint=opening.fingerprint)


def _nodes_of_benches() -> dict[str, tuple[Path, Reached]]:
    return {
        f"{bench.name}/{node}": (bench.directory, reached)
        for bench in live_benches()
        for node, reached in read_reached(bench.directory).items()
    }


def _by_address(name: str | None, opening: Opening, *, talos: bool) -> Access:
    """A node by its address; `talos` where there must be a talosconfig."""
    file = opening.talosconfig or talosconfig.default_file()
    closed = opening.insecure or (not talos and file is None)
    context = None if closed else _context(opening)
    if name is None:
        if context is None or not context.endpoints:
            raise UsageError(
                "it was not said which node is meant, and no talosconfig names an endpoint",
                hint="name one: `hil check ADDRESS`; `hil console --list` shows the nodes of open benches",
            )
        name = context.endpoints[0]
    host, port = _place(name)
    return Access(host, port, context, opening.fingerprint)


def _context(opening: Opening) -> TalosConfigContext:
    file = opening.talosconfig or talosconfig.default_file()
    if file is None:
        raise UsageError(
            "there is no talosconfig: neither $TALOSCONFIG nor ~/.talos/config names one",
            hint="give --talosconfig FILE, or --insecure for a node in maintenance mode",
        )
    return talosconfig.load(file).context(opening.context)


def _place(name: str) -> tuple[str, int]:
    """Host and port of HOST, HOST:PORT, an IPv6 address, or [IPv6]:PORT."""
    found = _ADDRESS.fullmatch(name)
    port = _PORT if found is None or found["port"] is None else int(found["port"])
    if found is None or not 1 <= port <= 65535:
        raise UsageError(
            f"{name[:80]!r} is neither a node of an open bench nor an address",
            hint="write it like 10.0.0.5, or 10.0.0.5:50000",
        )
    return found["bare"] or found["six"] or found["host"], port
