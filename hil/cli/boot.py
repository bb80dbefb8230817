"""`hil boot`: open a rig's bench, boot its nodes, print what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.waiting import waiting
from hil.netboot.capture.choice import CHOICES, DEFAULT, HELP, Capture
from hil.redaction import HIDDEN

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.boot import Boot
    from hil.node import Node

SCHEMA = "hil.boot/1"


@click.command("boot")
@click.argument("rig", required=False)
@click.option("--rig", "named", metavar="RIG", help="The same, where an option reads better.")
@click.option("--node", "names", multiple=True, metavar="NAME", help="Only this node; may be given again.")
@click.option("--image", metavar="NAME", help="Another image of the rig than the rig file gives.")
@click.option("--within", type=click.FloatRange(min=0.0), metavar="SECONDS", help="Power-on to ready at most.")
@click.option("--artifacts", type=click.Path(path_type=Path), default=Path("hil-artifacts"), show_default=True)
@click.option("--capture", type=click.Choice(CHOICES), default=DEFAULT, show_default=True, help=HELP)
@click.option("--keep", is_flag=True, help="Leave the bench and its machines running; says how to end them.")
@waiting
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    rig: str | None,
    named: str | None,
    names: tuple[str, ...],
    image: str | None,
    within: float | None,
    artifacts: Path,
    capture: Capture,
    keep: bool,
    wait: float,
    as_json: bool,
) -> None:
    """PXE-boot the machines of RIG (a file, or the name of a rig that ships; virt) and print their timelines.

    A machine with `attach: true` runs already: it is not switched, only asked whether it is what is expected.
    """
    from hil.keeper.early import EarlyKeeper

    if rig is not None and named is not None:
        raise click.UsageError(f"two rigs are given: {rig} and {named}")
    chosen = rig or named or "virt"
    with EarlyKeeper(Path(chosen).stem) as early:
        # What follows takes longer to import than a keeper takes to start.
        from hil.bench import open_bench
        from hil.clock import Deadline
        from hil.config.rig import load_rig
        from hil.tools.progress import shown_on

        loaded = load_rig(chosen, cwd=Path.cwd())
        with (
            closing(shown_on(sys.stderr)) as show,
            open_bench(
                loaded,
                artifacts=artifacts,
                keep=keep,
                image=image,
                capture=capture,
                early=early,
                wait=Deadline.after(wait),
                progress=show,
            ) as bench,
        ):
            boots: list[Boot] = []
            ways: list[str] = []
            try:
                for node in bench.choose(names):
                    _boot(node, within, boots, quiet=as_json)
                ways = _ways(bench) if keep else []
            finally:
                if as_json:
                    document = _document(bench, boots, kept=bool(ways))
                    click.echo(json.dumps(HIDDEN.redactor.document(document), indent=1))
        if ways and not as_json:
            click.echo("\n".join(ways))


def _boot(node: Node, within: float | None, boots: list[Boot], *, quiet: bool) -> None:
    from hil.cli import Terminated
    from hil.cli.progress import showing
    from hil.readiness.readiness import Readiness
    from hil.timeline.draw import table

    before = len(node.boots)

    def found() -> Readiness | None:
        """What was found in this boot so far; None where only the image itself says that it is ready."""
        now = node.boots[-1].readiness if len(node.boots) > before else None
        return now if isinstance(now, Readiness) else None

    try:
        with showing(node.name, plain=quiet, found=found, stages=node.machine.stages) as progress:
            boot = (node.attach if node.as_it_runs else node.boot)(within, on_mark=progress.mark)
    except (KeyboardInterrupt, Terminated):
        # What is printed next is the whole of it: its packets, and the meter's last word.
        for begun in node.boots[before:]:
            begun.leave()
        raise
    finally:
        boots += node.boots[before:]
        if not quiet and len(node.boots) > before:
            last = node.boots[-1]
            clean = HIDDEN.redactor.text
            click.echo(clean(f"{node.name}: image {last.image}, {_facts(last)}"))
            click.echo(clean(table(last.timeline)))
            if last.readiness is not None and not _is_in_the_error(last):
                click.echo(clean(last.readiness.table()))
            if last.power is not None:
                click.echo(clean(f"energy: {last.power.words()}"))
            click.echo(f"record: {last.folder}")
            click.echo(f"page: not written: {last.undrawn}" if last.undrawn else f"page: {last.page}")
    _must_be_judged(boot)
    if not quiet:
        since = "from when it was attached to; nobody saw its power-on" if boot.attached else "from power-on"
        click.secho(f"{node.name} is ready: {boot.timeline.seconds('ready'):.2f} s {since}", fg="green")


def _must_be_judged(boot: Boot) -> None:
    """Of a machine that runs already nothing says that it is ready, unless the rig file says what is expected."""
    from hil.boot import Verdict
    from hil.errors import UsageError

    if boot.verdict is not Verdict.READY:
        raise UsageError(
            f"{boot.node} runs already, and nothing says when it is ready",
            hint="write `expect:` or `ready:` for it in the rig file",
        )


def _is_in_the_error(boot: Boot) -> bool:
    """Whether the error that is shown next has the table of conditions."""
    table = "" if boot.readiness is None else boot.readiness.table()
    return boot.error is not None and table.partition("\n")[0] in boot.error.evidence


def _facts(boot: Boot) -> str:
    shown = ("machine", "accelerator", "segment")
    words = [f"{key} {boot.facts[key]}" for key in shown if key in boot.facts]
    return ", ".join([*words, str(boot.facts["simulated"])] if boot.facts.get("simulated") else words)


def _document(bench: Bench, boots: list[Boot], *, kept: bool) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "rig": bench.rig.name,
        "folder": str(bench.folder),
        "kept": bench.name if kept else None,
        "boots": [
            {**boot.to_json(), "folder": str(boot.folder), "timeline": boot.timeline.to_json()} for boot in boots
        ],
    }


def _ways(bench: Bench) -> list[str]:
    """How to reach what is kept, and how to end it."""
    from hil.machine import Doors, SerialConsole

    name = bench.name
    lines = [f"kept: bench {name} goes on", "  Matchbox:  http://{}:{}".format(*bench.matchbox.address)]
    for node in bench.nodes.values():
        if SerialConsole in node.parts:
            lines.append(f"  console of {node.name}:  hil console {name}/{node.name}   (Ctrl-] leaves)")
        if node.boots and node.boots[-1].readiness is not None:
            lines.append(f"  whether {node.name} is still ready:  hil check {name}/{node.name}")
        if Doors in node.parts and node.booted:
            ports = node.machine.part(Doors).ports  # type: ignore[type-abstract]
            lines += ["  port {} of {}:  {}:{}".format(port, node.name, *node.address(port)) for port in ports]
    return [*lines, f"  end it:  hil bench end {name}"]
