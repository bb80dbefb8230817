"""What a report shows of a failure and of the boots a test ran on: error, evidence, properties. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from _pytest._code.code import ExceptionRepr, TracebackEntry

from hil.errors import ConfigError, HilBug, HilError, InfrastructureError, UsageError
from hil.pytest_plugin.sharing import IN_USE
from hil.pytest_plugin.tables import spread

if TYPE_CHECKING:
    from hil.boot import Boot
    from hil.node import Node

_LINES = 20
_MACHINERY = frozenset({"_pytest", "pluggy", "pytest", "xdist"})
_INSIDE = _MACHINERY | {"hil", "contextlib"}


def ran_on(item: pytest.Item) -> list[tuple[Node, Boot]]:
    """The boots that a test ran on, each with its node, in their order."""
    if IN_USE not in item.stash:
        return []
    in_use = item.stash[IN_USE]
    return [(node, boot) for node in in_use.taken for boot in in_use.boots_of(node)]


def set_properties(item: pytest.Item) -> None:
    """Say in the test's properties which boots it ran on: rig, node, image, boot, folder, verdict, time, energy.

    One group a boot, in their order; JUnit has them as `<property>`, reports as `user_properties`.
    """
    kept = [pair for pair in item.user_properties if not pair[0].startswith("hil_")]
    for node, boot in ran_on(item):
        kept += [
            ("hil_rig", item.stash[IN_USE].bench.rig.name),
            ("hil_node", node.name),
            ("hil_image", boot.image),
            ("hil_boot", boot.number),
            ("hil_folder", str(boot.folder)),
            ("hil_verdict", boot.verdict.value),
        ]
        if boot.facts.get("simulated"):
            kept.append(("hil_simulated", str(boot.facts["simulated"])))
        if boot.seconds_to_ready is not None:
            kept.append(("hil_seconds_to_ready", f"{boot.seconds_to_ready:.3f}"))
        kept += _energy(boot)
    item.user_properties[:] = kept


def _energy(boot: Boot) -> list[tuple[str, object]]:
    """The energy of a boot where it is known; that of a simulated meter has another name, so that none is mixed up."""
    power = boot.power
    if power is None or power.joules is None:
        return []
    name = "hil_simulated_energy" if power.simulated else "hil_energy"
    return [(f"{name}_joules", f"{power.joules:.3f}"), (f"{name}_error_joules", f"{power.error_joules:.3f}")]


def rewrite(
    item: pytest.Item,
    excinfo: pytest.ExceptionInfo[BaseException],
    report: pytest.TestReport,
    error: HilError | None,
    news: Iterable[HilError],
) -> None:
    """Show an error of hil as the user's own lines and what the error says, and the evidence of the boots.

    Args:
        item: the test.
        excinfo: what was raised in it.
        report: changed in place.
        error: the error that decides, or None.
        news: what the test's nodes are found to have died of meanwhile.
    """
    raised = excinfo.value
    if isinstance(raised, HilError) and not item.config.getoption("fulltrace", False):
        report.longrepr = _own_lines(item, excinfo, raised)
    for _, boot in ran_on(item):
        if boot.readiness is not None and isinstance(report.longrepr, ExceptionRepr):
            spread(report.longrepr, boot.readiness.table())
    for heading, text in _sections(item, raised, report, error, news):
        # In the representation itself, so that JUnit has it too.
        if isinstance(report.longrepr, ExceptionRepr):
            report.longrepr.addsection(heading, text)
        else:
            report.sections.append((heading, text))


def _own_lines(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], error: HilError) -> ExceptionRepr:
    hidden = _MACHINERY if isinstance(error, HilBug) else _INSIDE
    trace = excinfo.traceback.filter(lambda entry: _package(entry) not in hidden)
    style = item.config.getoption("tbstyle", "auto")
    if isinstance(error, (ConfigError, UsageError)) or not trace:
        style = "value"
    return excinfo.getrepr(
        showlocals=bool(item.config.getoption("showlocals", False)),
        style="long" if style == "auto" else style,
        tbfilter=lambda info: trace if info.value is error else info.traceback,
        chain=isinstance(error, HilBug),
    )


def _package(entry: TracebackEntry) -> str:
    return str(entry.frame.f_globals.get("__name__", "")).partition(".")[0]


def _sections(
    item: pytest.Item,
    raised: BaseException,
    report: pytest.TestReport,
    error: HilError | None,
    news: Iterable[HilError],
) -> Iterable[tuple[str, str]]:
    if isinstance(error, (InfrastructureError, HilBug)) and report.when == "call":
        yield "hil: whose fault", f"a {error.label}, though the test itself met it: it says nothing of the image"
    for found in news:
        if not (isinstance(raised, HilError) and raised.message == found.message):
            yield "hil: meanwhile", found.render()
    if not isinstance(error, (ConfigError, UsageError)):
        for node, boot in {node.name: (node, boot) for node, boot in ran_on(item)}.values():
            yield from _evidence(node, boot)


def _evidence(node: Node, boot: Boot) -> Iterable[tuple[str, str]]:
    from hil.timeline.draw import table

    if boot.readiness is not None:
        yield f"hil: {node.name}: conditions", boot.readiness.table()
    yield f"hil: {node.name}: last lines of the console", "\n".join(node.said(_LINES)) or "(it said nothing)"
    yield f"hil: {node.name}: timeline of boot {boot.number}", table(boot.timeline)
    yield f"hil: {node.name}: record", str(boot.folder)
