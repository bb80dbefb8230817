"""`hil console`: this terminal on the console of a node whose bench is open, in another terminal or kept.

One more reader beside those that there are; leaving it changes nothing. A port that no bench has is
`hil.cli.port_console`'s.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from hil.clock import Deadline
from hil.console.stream import Feed, FeedClosed
from hil.errors import InfrastructureError, UsageError
from hil.keeper.client import Keeper
from hil.keeper.runtime import live_benches

LEAVE = b"\x1d"
PREFIX = "console:"
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """One console that can be attached to.

    Args:
        bench: the bench's name.
        node: the node's name.
        directory: the bench's runtime folder.
        live: whether something is at its other end now.
        received: bytes so far.
    """

    bench: str
    node: str
    directory: Path
    live: bool
    received: int


@click.command(name="console")
@click.argument("target", required=False, metavar="[BENCH/NODE|PORT]")
@click.option("--list", "list_", is_flag=True, help="Show the benches that are open, and their nodes.")
@click.option("--read-only", is_flag=True, help="Show, but send nothing.")
@click.option("--json", "json_", is_flag=True, help="With --list: one JSON document.")
@click.option("--baud", type=click.IntRange(min=1), default=115200, show_default=True, help="Of a serial line.")
def command(target: str | None, list_: bool, read_only: bool, json_: bool, baud: int) -> None:
    """Attach this terminal to a node's console; Ctrl-] leaves.

    BENCH/NODE may be left out, or be a bench or a node alone, where that leaves no choice. What the console said so
    far is shown first. PORT is a serial line's path, or HOST:PORT of a serial server, that no bench has open.
    """
    if json_ and not list_:
        raise UsageError("--json goes with --list", hint="run `hil console --list --json`")
    if target is not None and not list_ and _is_port(target, baud, read_only=read_only):
        return
    consoles = find_consoles()
    if list_:
        show(consoles, as_json=json_)
        return
    chosen = choose(consoles, target)
    with Keeper.connect(chosen.directory, deadline=Deadline.after(_ANSWER_SECONDS)) as keeper:
        feed = keeper.attach(PREFIX + chosen.node)
        with contextlib.closing(feed), raw_terminal(sys.stdin.fileno()) as is_terminal:
            if is_terminal:
                click.echo(f"{chosen.bench}/{chosen.node}: Ctrl-] leaves\r", err=True)
            follow(feed, sys.stdin.fileno() if is_terminal else None, sys.stdout.fileno(), read_only=read_only)


def _is_port(target: str, baud: int, *, read_only: bool) -> bool:
    """Attach to a port until the user leaves; False, at once, where the target names none."""
    from hil.cli.port_console import held_port, port_of, talk

    found = port_of(target, baud)
    if found is None:
        return False
    with held_port(*found, Deadline.after(_ANSWER_SECONDS)) as port, raw_terminal(sys.stdin.fileno()) as is_terminal:
        if is_terminal:
            click.echo(f"{port.name}: Ctrl-] leaves\r", err=True)
        talk(port, sys.stdin.fileno() if is_terminal else None, sys.stdout.fileno(), read_only=read_only)
    return True


def find_consoles() -> list[Found]:
    """The consoles of all benches of this user that are open."""
    found = []
    for bench in live_benches():
        try:
            with Keeper.connect(bench.directory, deadline=Deadline.after(_ANSWER_SECONDS)) as keeper:
                streams = keeper.streams()
        except InfrastructureError:
            continue  # it ended between the two looks
        for name, stream in sorted(streams.items()):
            if name.startswith(PREFIX):
                node = name.removeprefix(PREFIX)
                found.append(Found(bench.name, node, bench.directory, stream.live, stream.received))
    return found


def choose(consoles: list[Found], target: str | None) -> Found:
    """The one console that `target` means.

    Raises:
        UsageError: there is none, or more than one.
    """
    fitting = [one for one in consoles if target in (None, one.bench, one.node, f"{one.bench}/{one.node}")]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(f"{one.bench}/{one.node}" for one in consoles)
    if not consoles:
        raise UsageError("no bench is open", hint="`hil boot --keep` leaves one open")
    if not fitting:
        raise UsageError(f"there is no console {target}; there are: {names}", hint="name one of these")
    raise UsageError(f"more than one console fits; there are: {names}", hint="name one, as BENCH/NODE")


def show(consoles: list[Found], *, as_json: bool) -> None:
    """Print the consoles that there are."""
    if as_json:
        rows = [{"bench": one.bench, "node": one.node, "live": one.live, "bytes": one.received} for one in consoles]
        click.echo(json.dumps({"schema": "hil.consoles/1", "consoles": rows}))
    elif not consoles:
        click.echo("no bench is open", err=True)
    for one in consoles if not as_json else ():
        click.echo(f"{one.bench}/{one.node}\t{'on' if one.live else 'off'}\t{one.received} bytes")


@contextlib.contextmanager
def raw_terminal(descriptor: int) -> Iterator[bool]:
    """Raw mode for a block (termios(3)); whether the descriptor is a terminal at all."""
    if not os.isatty(descriptor):
        yield False
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield True
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def follow(feed: Feed, source: int | None, sink: int, *, read_only: bool) -> None:
    """Copy a feed to `sink` and keys from `source` to the feed, until Ctrl-] or the end of either.

    Args:
        feed: of a console.
        source: a descriptor to take keys from, or None.
        sink: a descriptor to write to.
        read_only: whether keys other than Ctrl-] are dropped.
    """
    inputs: list[int] = [feed.fileno()] + ([] if source is None else [source])
    while True:
        ready, _, _ = select.select(inputs, [], [])
        try:
            if source is not None and source in ready:
                keys, leave, _ = os.read(source, 4096).partition(LEAVE)
                if keys and not read_only:
                    feed.write(keys)
                if leave or not keys:
                    return
            if feed.fileno() in ready:
                for chunk in feed.read():
                    write_all(sink, chunk.data)
        except (FeedClosed, BrokenPipeError):
            return


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(descriptor, data) :]
