"""`hil sim`: a bench twin alone, for people: the devices that a rig names, with scripted boards; and its faults.

The twin is a child of a keeper, as a bench's own is, and ends with it. Judges nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.replay import command as replay
from hil.cli.written import write_out
from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.console.stream import FeedClosed
from hil.errors import InfrastructureError, UsageError
from hil.sim import SIMULATED

if TYPE_CHECKING:
    from hil.config.rig import Rig
    from hil.keeper.client import Keeper
    from hil.sim.client import TwinControl
    from hil.sim.plan import Plan
    from hil.sim.starting import RunningTwin

SCHEMA = "hil.sim/1"
_START_SECONDS = 20.0


class RigOrCommand(click.Group):
    """`hil sim RIG` is `hil sim run RIG`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the `run` that was left out."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("sim", cls=RigOrCommand)
def command() -> None:
    """Run a bench twin alone: simulated relays, meters and boards, to try them by hand.

    `hil sim RIG` runs the devices that RIG names until Ctrl-C; `fault`, `mend` and `state` are for one that runs,
    in `hil sim` or in a bench. `replay` is a recorded console instead of a twin.
    """


command.add_command(replay)


@command.command()
@click.argument("rig")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the rig file that uses it here.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of all its chance; else the rig's.")
@click.option(
    "--speed", type=click.FloatRange(0, 1000), default=1.0, show_default=True, help="Of serial lines; 0 is at once."
)
@click.option("--fault", "faults", multiple=True, metavar="DEVICE[:CHANNEL]=FAULT", help="One that it begins with.")
def run(rig: str, out: Path | None, seed: int | None, speed: float, faults: tuple[str, ...]) -> None:
    """Run the twin of RIG until Ctrl-C: a twin for each device that it names, real ones too."""
    from hil.config.rig import load_rig
    from hil.keeper.client import Keeper
    from hil.keeper.runtime import new_runtime_dir
    from hil.sim.from_rig import names_of, plan_of
    from hil.sim.starting import start

    loaded = load_rig(rig, cwd=Path.cwd())
    first = [_fault(text) for text in faults]
    with Keeper.start(new_runtime_dir("sim"), deadline=Deadline.after(_START_SECONDS)) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        plan = plan_of(loaded, directory, {}, whole=True)
        if not plan.devices:
            raise UsageError(f"{rig} names no device", hint="its `power:`, `meters:` and consoles name devices")
        boards = tuple(replace(board, speed=speed) for board in plan.boards)
        plan = replace(plan, boards=boards, seed=plan.seed if seed is None else seed)
        began = now_ns()
        twin = start(keeper, plan)
        for fault in first:
            twin.control.fault(*fault)
        if out is not None:
            write_out(out, rig_text(loaded, names_of(loaded, whole=True), twin.devices))
        click.echo("\n".join(_described(plan, twin, out)))
        with contextlib.suppress(KeyboardInterrupt):
            _follow(keeper, began)
            raise InfrastructureError("the bench twin has ended", hint="report this with the lines above")


@command.command()
@click.argument("device")
@click.argument("fault")
@click.option("--channel", type=int, help="Of that channel alone.")
@click.option("--at", metavar="BENCH", help="Which twin, where several run.")
def fault(device: str, fault: str, channel: int | None, at: str | None) -> None:
    """Begin FAULT at DEVICE of a twin that runs: silent, lying, welded, ... (docs/twin.md); `mend` ends it.

    DEVICE may be a board, by its node's name: brown-out, silent-uart, and of a Raspberry Pi no-link, ...
    """
    running(at).fault(device, fault, channel)


@command.command()
@click.argument("device")
@click.argument("fault", required=False)
@click.option("--channel", type=int, help="Of that channel alone.")
@click.option("--at", metavar="BENCH", help="Which twin, where several run.")
def mend(device: str, fault: str | None, channel: int | None, at: str | None) -> None:
    """End FAULT at DEVICE (or a board) of a twin that runs; all of its faults where none is named."""
    running(at).mend(device, fault, channel)


@command.command()
@click.option("--at", metavar="BENCH", help="Which twin, where several run.")
def state(at: str | None) -> None:
    """Print what a twin that runs is doing, as JSON: each board and each device."""
    click.echo(json.dumps({"schema": SCHEMA, "simulated": SIMULATED, **running(at).state()}, indent=1))


def running(bench: str | None) -> TwinControl:
    """The control of the twin of a bench that is open.

    Args:
        bench: the bench's name; None where there is one alone.

    Raises:
        UsageError: no twin runs there, or several do and none is named.
    """
    from hil.keeper.runtime import live_benches
    from hil.sim.client import TwinControl
    from hil.sim.control import SOCKET

    found = {one.name: one.directory / "twin" / SOCKET for one in live_benches()}
    found = {name: path for name, path in found.items() if path.exists() and bench in (None, name)}
    if len(found) == 1:
        return TwinControl(next(iter(found.values())))
    if not found:
        raise UsageError("no bench twin runs" + (f" in {bench}" if bench else ""), hint="`hil sim RIG` runs one")
    raise UsageError(f"several bench twins run: {', '.join(found)}", hint="name one: --at BENCH")


def rig_text(rig: Rig, names: Mapping[str, str], devices: Mapping[str, str]) -> str:
    """A rig's file with the twin's device files and addresses in the places of what it names.

    Args:
        rig: loaded.
        names: what each of its devices is called in the twin, by the rig's text for it.
        devices: where each is found, by its name with "twin:".
    """
    text = rig.file.read_text(encoding="utf-8")
    found = {place: devices[f"twin:{name}"] for place, name in names.items()}
    if found:
        places = "|".join(re.escape(place) for place in sorted(found, key=len, reverse=True))
        text = re.sub(rf"(?<![\w/.:-])(?:{places})(?![\w/:-])", lambda match: found[match[0]], text)
    return f"# Of `hil sim`: {SIMULATED}. Its devices are gone when that ends.\n{text}"


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    kind: str
    place: str
    about: str


def _described(plan: Plan, twin: RunningTwin, out: Path | None) -> list[str]:
    """What a person needs to know of a twin that has started."""
    rows = []
    for device in plan.devices:
        about = [
            f"console of {board.name}, {board.baud} baud" for board in plan.boards if board.console == device.name
        ]
        about += [
            f"{channel} feeds {board.name}"
            for board in plan.boards
            for name, channel in board.feeds
            if name == device.name
        ]
        about += [f"measures {board.name}" for board in plan.boards if device.name in dict(board.measured_by)]
        rows.append(_Row(device.name, device.kind, twin.devices[f"twin:{device.name}"], "; ".join(about)))
    widths = [max(len(getattr(row, key)) for row in rows) for key in ("name", "kind", "place")]
    lines = [SIMULATED, ""]
    lines += [
        f"  {row.name:{widths[0]}}  {row.kind:{widths[1]}}  {row.place:{widths[2]}}  {row.about}" for row in rows
    ]
    lines += ["", "a fault, from another terminal: hil sim fault DEVICE FAULT; a console: hil console PLACE"]
    lines += [f"a rig file that uses it: {out}"] if out is not None else []
    return [*lines, "Ctrl-C ends it", ""]


def _follow(keeper: Keeper, began: int) -> None:
    """Print each thing that happens with its seconds, until the twin ends."""
    from hil.sim.starting import STREAM

    pending = b""
    with keeper.attach(STREAM) as feed, contextlib.suppress(FeedClosed):
        while True:
            select.select([feed], [], [])
            for chunk in feed.read():
                if not chunk.data:
                    return
                *lines, pending = (pending + chunk.data).split(b"\n")
                for line in lines:
                    if not line.startswith(b"ready "):
                        seconds = (chunk.stamp_ns - began) / NANOSECONDS
                        click.echo(f"{seconds:9.3f}  {line.decode('utf-8', 'replace')}")


def _fault(text: str) -> tuple[str, str, int | None]:
    """DEVICE[:CHANNEL]=FAULT as device, fault, channel."""
    found = re.fullmatch(r"([a-z0-9-]+)(?::([0-9]{1,5}))?=([a-z-]+)", text)
    if found is None:
        raise UsageError(f"{text!r} is no fault", hint="write it like --fault relay:1=welded, or --fault uart1=noise")
    return found[1], found[3], None if found[2] is None else int(found[2])
