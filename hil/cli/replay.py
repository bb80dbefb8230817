"""`hil sim replay`: a recorded console, played on a serial line for people, or heard by hil's parsers as a test.

Exit codes of --check and --expect: 0 as stored, 1 not, 2 there is no such record.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hil.cli.written import write_out
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.replay.findings import Findings
    from hil.replay.source import Source

_SHOWN: Final = 90


@click.command("replay")
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Print what hil's parsers find in it, and play nothing.")
@click.option(
    "--expect", type=click.Path(dir_okay=False, path_type=Path), help="Compare that with a file of --write; 1 if not."
)
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write what is found to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print what is found as one JSON document.")
@click.option("--speed", type=click.FloatRange(0.01, 1000), default=1.0, show_default=True, help="Of playing.")
@click.option("--link", type=click.Path(path_type=Path), help="Where the serial line is to be; else in a new folder.")
def command(
    record: Path, check: bool, expect: Path | None, write: Path | None, as_json: bool, speed: float, link: Path | None
) -> None:
    """Play the console of RECORD, a boot's folder or a console's log, or find in it what hil finds in a boot.

    Played, it is a serial line that says what was recorded, with its times, from the beginning each time that it is
    opened, until Ctrl-C: `hil console PLACE` shows it. A log without times has those of a line at 115200 baud.
    """
    from hil.replay.source import read_source

    source = read_source(record)
    if check or as_json or expect is not None or write is not None:
        _found(source, record, expect, write, as_json=as_json)
    else:
        _play(source, speed, link)


def _found(source: Source, record: Path, expect: Path | None, write: Path | None, *, as_json: bool) -> None:
    from hil.replay.findings import as_text, differences, replayed, stored

    findings = replayed(source)
    document = findings.document()
    click.echo(as_text(document) if as_json else "\n".join(_lines(findings)), nl=not as_json)
    if write is not None:
        write_out(write, as_text(document))
    if expect is None:
        return
    try:
        before = stored(expect.read_text(encoding="utf-8"), str(expect))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{expect} cannot be read: {error}", hint="write it: hil sim replay RECORD --write FILE"
        ) from error
    if changed := differences(before, document):
        click.echo("\n".join([f"{record} is not found to be as {expect} has it:", *changed]), err=True)
        click.get_current_context().exit(1)


def _lines(findings: Findings) -> list[str]:
    source = findings.source
    lines = [f"{'stage':15} {'at':>9}  evidence"]
    for mark in findings.marks:
        at = f"{source.seconds(mark.at_ns):8.3f}s" if source.timed else ""
        lines.append(f"{mark.stage:15} {at:>9}  {mark.evidence[:_SHOWN]}")
    lines += [f"died: {death.death.name}: {death.explanation}" for death in findings.deaths]
    lines += [f"server: {words}" for words in source.served]
    banner = findings.banner
    if banner.version is not None and banner.built is not None:
        order = "not said" if banner.order is None else banner.order.value
        lines.append(f"bootloader {banner.version.value} of {banner.built.value}, BOOT_ORDER {order}")
    return lines


def _play(source: Source, speed: float, link: Path | None) -> None:
    from hil.sim.replay import RecordedLine

    with tempfile.TemporaryDirectory(prefix="hil-replay-") as folder:
        place = link or Path(folder) / "console"
        if place.is_symlink() or place.exists():
            raise UsageError(f"{place} is there already", hint="name a place where nothing is")

        async def play() -> None:
            try:
                line = RecordedLine(place, source.chunks, source.origin_ns, speed)
            except OSError as error:
                raise UsageError(
                    f"{place} cannot be made: {error.strerror}", hint="name a place in a folder that you can write to"
                ) from error
            click.echo(f"recorded console at {place}: opening it is power-on; Ctrl-C ends it")
            await line.serve(click.echo)

        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(play())
