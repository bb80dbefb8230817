"""`hil doctor --rig`: whether a Raspberry Pi is set to boot from the network, and what its EEPROM needs if not.

Exit codes: 0 set, 1 not set, 3 it could not be asked, or did not say enough.
"""

from __future__ import annotations

import json
import sys
import textwrap
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hil.errors import InfrastructureError, UsageError
from hil.redaction import HIDDEN

if TYPE_CHECKING:
    from hil.config.rig import Rig
    from hil.config.rpi import BoardModel
    from hil.eeprom_check.judging import Answer, Expected

SCHEMA: Final = "hil.eeprom/1"
_SHOWN: Final = 90
_WIDTH: Final = 100
_CODES: Final = {"ok": 0, "no": 1, "unknown": 3}
_VERDICTS: Final = {
    "ok": "it is set to boot from the network",
    "no": "it is not set to boot from the network",
    "unknown": "it did not say enough to know",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Args:
        rig: a rig's file or name; None to compare with none.
        node: its node; None where it has one alone.
        recording: the record to read instead of a board; None to ask the board.
        within: s that are listened at most.
        yes: whether the power may be cut without asking.
        as_json: whether a program reads the answer.
    """

    rig: str | None
    node: str | None
    recording: Path | None
    within: float
    yes: bool
    as_json: bool


def run(request: Request) -> None:
    """Ask, print the answer, and end with its exit code."""
    from hil.eeprom_check.judging import judge
    from hil.netboot.rpi.advice import has_eeprom

    rig = None if request.rig is None else _loaded(request.rig)
    expected, node = _expected(rig, request.node)
    if expected.model is not None and not has_eeprom(expected.model):
        raise _no_eeprom(expected.model)
    data = _recorded(request.recording) if request.recording is not None else _heard(rig, node, request)
    answer = judge(data, expected)
    clean = HIDDEN.redactor
    if request.as_json:
        click.echo(json.dumps(clean.document(_document(answer, node, request)), indent=1))
    else:
        click.echo(clean.text("\n".join(_lines(answer, node))))
    click.get_current_context().exit(_CODES[answer.state.value])


def _loaded(name: str) -> Rig:
    from hil.config.rig import load_rig

    rig = load_rig(name, cwd=Path.cwd())
    HIDDEN.add(rig.secrets)
    return rig


def _expected(rig: Rig | None, node: str | None) -> tuple[Expected, str]:
    from hil.eeprom_check.asking import node_of
    from hil.eeprom_check.judging import Expected

    if rig is None:
        return Expected(), "the board"
    name = node_of(rig, node)
    config = rig.nodes[name]
    raspberry = config.raspberry()
    if raspberry is None:
        return Expected(), name
    places = {
        "model": _short(rig, name, "rpi", "model"),
        "serial": _short(rig, name, "rpi", "serial"),
        "mac": _short(rig, name, "mac"),
    }
    return Expected(raspberry.model, raspberry.serial, config.mac, tuple(places.items())), name


def _short(rig: Rig, node: str, *keys: str) -> str:
    where = rig.where("nodes", node, *keys)
    return f"{where.file.name}:{where.line}"


def _recorded(folder: Path) -> bytes:
    from hil.replay.source import read_source

    return b"".join(chunk.data for chunk in read_source(folder).chunks)


def _heard(rig: Rig | None, node: str, request: Request) -> bytes:
    from hil.eeprom_check.asking import asked_of, hear
    from hil.finding.cycle import Pace
    from hil.finding.search import Voice

    if rig is None:
        raise UsageError("it needs a board to ask", hint="name its rig: --rig RIG, or a record: --recording FOLDER")
    asked = asked_of(rig, node)
    if asked.on_twin:
        return _heard_twin(rig, node, request.within)
    voice = Voice(
        lambda question: request.yes or click.confirm(question, default=False, err=True),
        lambda line: click.echo(line, err=True),
    )
    data = hear(asked, voice, Pace(within=request.within))
    if data is None:
        raise InfrastructureError(f"{node} was not asked, as you said", hint="its bootloader speaks at power-on alone")
    return data


def _heard_twin(rig: Rig, node: str, within: float) -> bytes:
    from hil.eeprom_check.on_twin import hear_twin
    from hil.tools.progress import shown_on

    with closing(shown_on(sys.stderr)) as show:
        return hear_twin(rig, node, Path("hil-artifacts"), within, show)


def _no_eeprom(model: BoardModel) -> InfrastructureError:
    from hil.netboot.rpi.advice import how_to_set

    return InfrastructureError(
        f"a {model} cannot be asked: its boot ROM says nothing on a console",
        hint="see by hand whether its OTP memory is set, as above",
        evidence=how_to_set(model),
    )


def _lines(answer: Answer, node: str) -> list[str]:
    from hil.netboot.rpi.advice import ABOUT_ORDER, BOOT_CONF, how_to_set

    lines = []
    for item in answer.items:
        lines.append(f"{item.state.value:8} {item.name:14} {item.value}")
        lines += [f"{'':23} | {item.line[:_SHOWN]}"] if item.line else []
    lines += ["", f"{node}: {_VERDICTS[answer.state.value]}"]
    if answer.flash:
        lines += ["", "what its EEPROM's configuration needs:", *(f"    {line}" for line in BOOT_CONF)]
        lines += [*_wrapped("", ABOUT_ORDER), "", "how (hil writes nothing into it):"]
        for number, step in enumerate(how_to_set(answer.model), 1):
            lines += _wrapped(f"  {number}. ", step)
    return lines


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _document(answer: Answer, node: str, request: Request) -> dict[str, object]:
    from hil.netboot.rpi.advice import BOOT_CONF, how_to_set

    return {
        "schema": SCHEMA,
        "node": node,
        "from": "board" if request.recording is None else str(request.recording),
        "set": answer.state.value,
        "items": [
            {
                "name": item.name,
                "state": item.state.value,
                "value": item.value,
                "line": item.line,
                "needed": item.needed,
            }
            for item in answer.items
        ],
        "boot_conf": list(BOOT_CONF) if answer.flash else [],
        "how": list(how_to_set(answer.model)) if answer.flash else [],
    }
