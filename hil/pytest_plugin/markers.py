"""`@pytest.mark.hil(...)`: what a test asks of its node. Strict: a wrong marker ends the collection.

Only reads and checks markers; what comes of them is in `hil.pytest_plugin.sharing`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import pytest

from hil.errors import UsageError

NAME = "hil"
_DOC = (
    "hil(image=NAME, cold=False, node=NAME, needs=[PART, ...]): what this test asks of the node it runs on. "
    "image: boot this image of the rig instead of the node's own. "
    "cold: a boot of its own, shared with no other test. "
    "node: which node the `node` fixture is, where the rig has several. "
    "needs: parts that the node must have (console, disks, doors, meter, netboot, nic, power, reset); without one of "
    "them the test is skipped."
)
_KEYWORDS = ("cold", "image", "needs", "node")
# Those already looked at, by identity (a Mark has no hash); held, so that no identity comes twice.
_SEEN = pytest.StashKey[dict[int, pytest.Mark]]()


@dataclass(frozen=True, slots=True)
class Demand:
    """What a test asks of its node.

    Args:
        image: an image of the rig, or None for the node's own.
        cold: whether its boot is shared with no other test.
        node: which node `node` is, or None for the rig's only one.
        needs: names of parts (see `part_protocols`), without duplicates.
    """

    image: str | None = None
    cold: bool = False
    node: str | None = None
    needs: tuple[str, ...] = ()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for `--markers` and `--strict-markers`."""
    config.addinivalue_line("markers", _DOC)


def demand_of(item: pytest.Item) -> Demand:
    """What an item's markers ask for together: of one keyword the closest counts, `needs` add up."""
    asked: dict[str, object] = {}
    needs: dict[str, None] = {}
    for mark in item.iter_markers(NAME):
        needs |= dict.fromkeys(mark.kwargs.get("needs", ()))
        asked = {**mark.kwargs, **asked}
    image, node = asked.get("image"), asked.get("node")
    return Demand(
        image=image if isinstance(image, str) else None,
        cold=asked.get("cold") is True,
        node=node if isinstance(node, str) else None,
        needs=tuple(needs),
    )


def part_protocols() -> Mapping[str, type[object]]:
    """The parts that `needs` may name, by name, each with its protocol in `hil.machine`."""
    from hil.machine import Disks, Doors, Meter, Netboot, Nic, Power, Reset, SerialConsole, part_name

    protocols = (SerialConsole, Disks, Doors, Meter, Netboot, Nic, Power, Reset)
    return {part_name(protocol): protocol for protocol in protocols}


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a wrong marker into an error of the collection that ends the session as a usage error."""
    report = yield
    items = [item for item in report.result or () if isinstance(item, pytest.Item)]
    problems = {item: found for item in items if (found := list(_problems(item)))}
    if problems:
        error = UsageError(
            "\n".join(line for found in problems.values() for line in found),
            hint="`pytest --markers` says what @pytest.mark.hil takes",
        )
        # Of the same node id; `hil_usage` travels with it to an xdist controller.
        complaint = pytest.CollectReport(report.nodeid, "failed", error.render(), [], hil_usage=True)
        # A report of its own: were this collector's made a failure, its classes would not be looked at.
        collector.ihook.pytest_collectreport(report=complaint)
        report.result = [each for each in report.result if each not in problems]
    return report


def _problems(item: pytest.Item) -> Iterator[str]:
    # A marker of a class or module comes with each of its tests and is reported once.
    seen = item.config.stash.setdefault(_SEEN, {})
    for mark in item.iter_markers(NAME):
        if id(mark) not in seen:
            seen[id(mark)] = mark
            for problem in _wrong(mark):
                yield f"{_place(item)}: @pytest.mark.hil: {problem}"


def _place(item: pytest.Item) -> str:
    path, line, _ = item.reportinfo()
    shown = os.path.relpath(path, item.config.invocation_params.dir)
    return shown if line is None else f"{shown}:{line + 1}"


def _wrong(mark: pytest.Mark) -> Iterator[str]:
    if mark.args:
        yield f"takes keywords alone, not {mark.args[0]!r}; its keywords: {', '.join(_KEYWORDS)}"
    for keyword, value in mark.kwargs.items():
        if keyword not in _KEYWORDS:
            from hil.config.suggest import did_you_mean

            yield f"no keyword {keyword!r}; {did_you_mean(keyword, _KEYWORDS, what='its keywords')}"
        elif keyword == "cold" and not isinstance(value, bool):
            yield f"cold must be True or False, not {value!r}"
        elif keyword in ("image", "node") and not (isinstance(value, str) and value):
            yield f"{keyword} must be a name, not {value!r}"
        elif keyword == "needs":
            yield from _wrong_needs(value)


def _wrong_needs(value: object) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f'needs must be a list of parts, like ["power"], not {value!r}'
        return
    known = part_protocols()
    for name in value:
        if not isinstance(name, str) or name not in known:
            from hil.config.suggest import did_you_mean

            yield f"no part {name!r}; {did_you_mean(str(name), known, what='parts')}"
