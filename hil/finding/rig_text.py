"""What was found as the lines of a rig file, with the evidence beside each. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from hil.config.power import PowerConfig
from hil.config.serial import ConsoleConfig
from hil.config.tree import plain_value
from hil.finding.given import CHANNEL_KEYS, PLACE_KEYS
from hil.finding.matching import Findings, Pair

_PLAIN: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9./_:@-]*")
_COMMENT_AT: Final = 34


def rig_text(
    findings: Findings, relays: Mapping[str, PowerConfig], consoles: Mapping[str, ConsoleConfig], *, whole: bool
) -> str:
    """The text: a rig file that wants nothing but what no switching can tell, or the lines for one that is there.

    Args:
        findings: what was found.
        relays: the sections of all relays that were tried, by name.
        consoles: those of all lines, by name.
        whole: whether it is a file of its own, with `power:` in it.
    """
    return "\n".join(_lines(findings, relays, consoles, whole)) + "\n"


def _lines(
    findings: Findings, relays: Mapping[str, PowerConfig], consoles: Mapping[str, ConsoleConfig], whole: bool
) -> Iterator[str]:
    yield "# Found by `hil rig find`: each relay was switched, and one console rebooted with it. Nothing is guessed."
    # A driver's own words may have several lines.
    yield from (f"# Not found: {' '.join(sentence.split())}" for sentence in findings.not_found)
    if whole:
        yield "hil: 1"
        yield "# segment: {kind: bridge, nic: enp3s0}   # the network port of this host that the boards hang on"
        yield "images:"
        yield "  probe: {kind: probe}            # Debian's kernel and a small root file system; put your own here"
        yield "power:"
        for pair in findings.pairs:
            yield from _power(pair.relay, relays[pair.relay])
    yield "nodes:"
    for number, pair in enumerate(findings.pairs, 1):
        yield from _node(f"node{number}", pair, consoles[pair.console])


def _power(name: str, config: PowerConfig) -> Iterator[str]:
    fields = type(config).model_fields
    keys = ("kind", *(key for key in (*PLACE_KEYS, *CHANNEL_KEYS) if key in fields))
    yield f"  {name}:"
    for key in keys:
        yield f"    {key}: {_scalar(getattr(config, key))}"


def _node(name: str, pair: Pair, console: ConsoleConfig) -> Iterator[str]:
    yield f"  {name}:"
    yield "    kind: board"
    yield "    image: probe"
    if pair.mac is None:
        yield "    # mac:                        # write it as it is printed on the board; its console did not say it"
    else:
        yield _beside(f"    mac: {pair.mac}", "its console said it")
    yield _beside(f"    power: {pair.relay}", _evidence(pair))
    yield "    console:"
    for key, value in console.model_dump(exclude_defaults=True).items():
        yield f"      {key}: {_scalar(value)}"
    if "baud" not in console.model_fields_set or console.baud == ConsoleConfig.model_fields["baud"].default:
        yield f"      baud: {console.baud}"


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
