"""`hil rig find`: which relay powers the board on which serial line, found by switching and listening."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.written import write_out
from hil.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from hil.config.power import PowerConfig
    from hil.config.rig import Rig
    from hil.config.serial import ConsoleConfig
    from hil.finding.matching import Findings
    from hil.finding.rig_text import Known

SCHEMA = "hil.rig-find/1"


@click.command("find")
@click.argument("rig", required=False)
@click.option(
    "--power", multiple=True, metavar="KIND:DEVICE:CHANNELS", help="Relays to try, as lcus:/dev/ttyUSB0:1-4."
)
@click.option(
    "--console", multiple=True, metavar="DEVICE[@BAUD]", help="A serial line to listen to; else all of them."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the lines here.")
@click.option("--yes", is_flag=True, help="Do not ask before each relay.")
@click.option(
    "--within",
    type=click.FloatRange(1, 3600),
    default=45.0,
    show_default=True,
    help="Seconds in which a board must say its first words.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    rig: str | None,
    power: tuple[str, ...],
    console: tuple[str, ...],
    out: Path | None,
    yes: bool,
    within: float,
    as_json: bool,
) -> None:
    """Switch one relay at a time, see whose console reboots, and write the lines of the rig file.

    Tries the ports of RIG's `power:`, or those of --power. Each relay is switched off and on, which is asked first,
    and left as it was found. Listens to the USB serial lines of this host that are no relay's, and to RIG's consoles,
    or to those of --console alone. A board is found when its console was silent without power and then said a
    firmware's or kernel's first words. What is not sure is said, and not written.
    """
    from hil.finding.cycle import Pace
    from hil.finding.ears import Line
    from hil.finding.rig_text import rig_text
    from hil.finding.search import Voice, Wanted, find

    if out is not None and not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}", hint="make it, or name a file elsewhere")
    sought = _sought(rig, power, console)
    lines = [Line(name, config) for name, config in sought.named.items()]
    others = [Line(name, config) for name, config in sought.others.items()]
    voice = Voice(_asker(yes), lambda line: click.echo(line, err=True))
    findings = find(Wanted(sought.relays, lines, others, sought.rig), voice, Pace(within=within))
    text = rig_text(findings, sought.relays, sought.named | sought.others, sought.known) if findings.pairs else ""
    if as_json:
        click.echo(json.dumps(_document(findings, text), indent=1))
    if not findings.pairs:
        raise InfrastructureError(
            "no relay was found to power the board of any console",
            hint="see the reason of each above; docs/first-bench.md of hil has a table of them",
            evidence=findings.not_found,
        )
    if out is not None:
        write_out(out, text)
        click.echo(f"wrote {out}; go on with: hil rig check {out}", err=True)
    elif not as_json:
        click.echo(text, nl=False)


@dataclass(frozen=True, slots=True)
class _Sought:
    """What the command line means.

    Args:
        relays: the power ports, by name.
        named: the serial lines that a person named, in a rig file or here, by name.
        others: those of this host that are merely there.
        rig: the rig file, where there is one.
        known: its nodes, by the names of their consoles; None where there is none.
    """

    relays: dict[str, PowerConfig]
    named: dict[str, ConsoleConfig]
    others: dict[str, ConsoleConfig]
    rig: Rig | None
    known: dict[str, Known] | None


def _sought(rig: str | None, power: tuple[str, ...], console: tuple[str, ...]) -> _Sought:
    from hil.finding.given import console_given, relays_given

    if (rig is None) == (not power):
        raise UsageError(
            "it needs relays to try: those of a rig file, or those of --power",
            hint="name the one or the other: hil rig find --power lcus:/dev/ttyUSB0:1-4",
        )
    loaded = None if rig is None else _loaded(rig)
    relays = relays_given(power) if loaded is None else dict(loaded.power)
    of_rig = {} if loaded is None else _consoles(loaded)
    lines = {name: config for name, (config, _) in of_rig.items()}
    given = {_name(config): config for config in map(console_given, console)}
    known = None if loaded is None else {name: node for name, (_, node) in of_rig.items()}
    return _Sought(relays, given or lines, {} if given else _here(relays, lines), loaded, known)


def _loaded(name: str) -> Rig:
    from hil.config.rig import load_rig

    rig = load_rig(name, cwd=Path.cwd())
    if rig.on_twin:
        raise UsageError(
            f"{name} names devices of the bench twin, which does not run yet",
            hint=f"run `hil sim {name} --out FILE` in another terminal, and then `hil rig find FILE`",
        )
    if not rig.power:
        raise UsageError(f"{name} has no power ports", hint="write them under `power:`, or name them with --power")
    return rig


def _consoles(rig: Rig) -> dict[str, tuple[ConsoleConfig, Known]]:
    """The consoles that a rig's nodes name, with what it says of each, which may be wrong, by the consoles' names."""
    from hil.config.serial import ConsoleConfig
    from hil.finding.rig_text import Known

    found = ((getattr(node, "console", None), Known(name, node.power_port())) for name, node in rig.nodes.items())
    return {_name(config): (config, known) for config, known in found if isinstance(config, ConsoleConfig)}


def _here(relays: dict[str, PowerConfig], lines: dict[str, ConsoleConfig]) -> dict[str, ConsoleConfig]:
    """This host's lines that are neither a relay's nor in the rig."""
    from hil.config.devices import device_path
    from hil.config.serial import ConsoleConfig
    from hil.finding.host_lines import host_lines

    used = [getattr(config, "device", None) for config in (*relays.values(), *lines.values())]
    besides = [os.fspath(device_path(device)) for device in used if isinstance(device, str)]
    return {path: ConsoleConfig.model_validate({"device": path}) for path in host_lines(besides=besides)}


def _name(config: ConsoleConfig) -> str:
    return config.device or config.at or ""


def _asker(yes: bool) -> Callable[[str], bool]:
    return lambda question: yes or click.confirm(question, default=False, err=True)


def _document(findings: Findings, text: str) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "found": [
            {
                "power": pair.relay,
                "console": pair.console,
                "mac": pair.mac,
                "words": pair.hearing.words,
                "seconds": round(pair.hearing.seconds, 3),
            }
            for pair in findings.pairs
        ],
        "not_found": list(findings.not_found),
        "rig": text,
    }
