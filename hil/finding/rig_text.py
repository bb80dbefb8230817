"""What was found as the lines of a rig file, with the evidence beside each. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from hil.config.power import PowerConfig
from hil.config.serial import ConsoleConfig
from hil.config.tree import plain_value
from hil.finding.given import CHANNEL_KEYS, PLACE_KEYS
from hil.finding.matching import Findings, Pair

_PLAIN: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9./_:@-]*")
_COMMENT_AT: Final = 34


@dataclass(frozen=True, slots=True)
class Known:
    """A node that a rig file has already.

    Args:
        node: its name.
        power: the port that the file gives it, right or wrong; None for none.
    """

    node: str
    power: str | None


def rig_text(
    findings: Findings,
    relays: Mapping[str, PowerConfig],
    consoles: Mapping[str, ConsoleConfig],
    known: Mapping[str, Known] | None,
) -> str:
    """The text: a rig file that wants nothing but what no switching can tell, or the lines for one that is there.

    Args:
        findings: what was found.
        relays: the sections of all relays that were tried, by name.
        consoles: those of all lines, by name.
        known: the nodes of the file that is there, by the names of their consoles; None where there is no file.
    """
    lines = [
        "# Found by `hil rig find`: each relay was switched, and one console rebooted with it. Nothing is guessed.",
        # A driver's own words may have several lines.
        *(f"# Not found: {' '.join(sentence.split())}" for sentence in findings.not_found),
        *(_head(findings, relays) if known is None else ()),
        "nodes:",
    ]
    names = _names(findings, known or {})
    for pair in findings.pairs:
        node = (known or {}).get(pair.console)
        lines += _node(names[pair.console], pair, consoles[pair.console], node)
    return "\n".join(lines) + "\n"


def _names(findings: Findings, known: Mapping[str, Known]) -> dict[str, str]:
    """What each pair's node is called, by its console: as it is called already, or by the next free number."""
    taken = {node.node for node in known.values()}
    free = (name for number in count(1) if (name := f"node{number}") not in taken)
    return {pair.console: known[pair.console].node if pair.console in known else next(free) for pair in findings.pairs}


def _head(findings: Findings, relays: Mapping[str, PowerConfig]) -> Iterator[str]:
    """Of a file of its own, before its nodes."""
    yield "hil: 1"
    yield "# segment: {kind: bridge, nic: enp3s0}   # the network port of this host that the boards hang on"
    yield "images:"
    yield _beside("  probe: {kind: probe}", "Debian's kernel and a small root file system; put your own here")
    yield from _power({pair.relay: relays[pair.relay] for pair in findings.pairs})


def relays_text(relays: Mapping[str, PowerConfig]) -> str:
    """A rig file with relays that a command line named, and a machine that hangs on none of them."""
    return "\n".join(
        ["hil: 1", "images: {probe: {kind: probe}}", *_power(relays), "nodes: {none: {kind: qemu, image: probe}}", ""]
    )


def _power(relays: Mapping[str, PowerConfig]) -> Iterator[str]:
    yield "power:"
    for name, config in relays.items():
        yield f"  {name}:"
        for key, value in config.model_dump(include={"kind", *PLACE_KEYS, *CHANNEL_KEYS}).items():
            yield f"    {key}: {_scalar(value)}"


def _node(name: str, pair: Pair, console: ConsoleConfig, known: Known | None) -> Iterator[str]:
    yield f"  {name}:"
    if known is None:
        yield "    kind: board"
        yield "    image: probe"
    if pair.mac is not None:
        yield _beside(f"    mac: {pair.mac}", "its console said it")
    elif known is None:
        yield _beside("    # mac:", "write it as it is printed on the board; its console did not say it")
    yield _beside(f"    power: {pair.relay}", _evidence(pair) + _against(pair, known))
    yield "    console:"
    for key, value in {**console.model_dump(exclude_defaults=True), "baud": console.baud}.items():
        yield f"      {key}: {_scalar(value)}"


def _against(pair: Pair, known: Known | None) -> str:
    """What the file that is there says otherwise."""
    if known is None or known.power in (None, pair.relay):
        return ""
    return f"; your file says {known.power}"


def _evidence(pair: Pair) -> str:
    before = "fell silent" if pair.hearing.was_talking else "was silent"
    return f"{before} without it, and {pair.hearing.seconds:.1f} s after it came back said {pair.hearing.words!r}"


def _beside(text: str, comment: str) -> str:
    return f"{text:<{_COMMENT_AT}}# {comment}"


def _scalar(value: object) -> str:
    text = str(value)
    if not isinstance(value, str):
        return text.lower() if isinstance(value, bool) else text
    return text if _PLAIN.fullmatch(text) and plain_value(text) == text else json.dumps(text, ensure_ascii=False)
