"""`hil bench`: the benches that are open on this host, and their end."""

from __future__ import annotations

import json

import click

SCHEMA = "hil.bench/1"
_ANSWER_SECONDS = 5.0


@click.group("bench")
def command() -> None:
    """List the benches that are open on this host (kept, or another terminal's), and end them."""


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def ls(as_json: bool) -> None:
    """List the open benches by name, with the things that each holds: serial lines, relays."""
    held = _held()
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "benches": list(held), "things": held}, indent=1))
    elif held:
        click.echo("\n".join("  ".join([name, *things]) for name, things in held.items()))
    else:
        click.echo("no bench is open")


def _held() -> dict[str, list[str]]:
    """The names of the open benches, each with the names of the things that it holds."""
    from hil.clock import Deadline
    from hil.errors import InfrastructureError
    from hil.keeper.client import Keeper
    from hil.keeper.runtime import live_benches
    from hil.taking import held_things

    held: dict[str, list[str]] = {}
    for bench in live_benches():
        try:
            with Keeper.connect(bench.directory, deadline=Deadline.after(_ANSWER_SECONDS)) as keeper:
                held[bench.name] = held_things(keeper.locks())
        except InfrastructureError:
            continue  # it ended between the two looks
    return held


@command.command("end")
@click.argument("name")
def end(name: str) -> None:
    """End the bench NAME: its machines are switched off, its services ended."""
    from hil.clock import Deadline
    from hil.config.suggest import did_you_mean
    from hil.errors import UsageError
    from hil.keeper.client import Keeper
    from hil.keeper.runtime import live_benches

    benches = {bench.name: bench for bench in live_benches()}
    if name not in benches:
        raise UsageError(f"no bench {name!r} is open", hint=did_you_mean(name, benches, what="open benches"))
    Keeper.connect(benches[name].directory, deadline=Deadline.after(5)).end()
    click.echo(f"bench {name} is ended")
