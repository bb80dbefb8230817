"""`hil bench`: the benches that are open on this host, and their end."""

from __future__ import annotations

import json

import click

SCHEMA = "hil.bench/1"


@click.group("bench")
def command() -> None:
    """List the benches that are open on this host (kept, or another terminal's), and end them."""


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def ls(as_json: bool) -> None:
    """List the open benches by name."""
    from hil.keeper.runtime import live_benches

    names = [bench.name for bench in live_benches()]
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "benches": names}, indent=1))
    elif names:
        click.echo("\n".join(names))
    else:
        click.echo("no bench is open")


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
