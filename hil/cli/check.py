"""`hil check`: whether a node is what is expected of it, whoever booted it. Thin: finds it, shows a table.

Exit codes: 0 ready, 1 not ready, 2 bad input, 3 it could not be asked.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from hil.redaction import HIDDEN

if TYPE_CHECKING:
    from hil.checking.asked import Asked
    from hil.readiness.readiness import Readiness
    from hil.timeline.timeline import Mark

SCHEMA = "hil.check/1"


@click.command("check")
@click.argument("target", required=False, metavar="[NODE|ADDRESS]")
@click.option("--talosconfig", type=click.Path(path_type=Path), help="What opens the node; else as talosctl finds it.")
@click.option("--context", "context", metavar="NAME", help="Which context of the talosconfig.")
@click.option("--insecure", is_flag=True, help="Ask a node in maintenance mode, without a talosconfig.")
@click.option("--fingerprint", metavar="BASE64", help="The key that a node in maintenance mode must show.")
@click.option(
    "--stage", metavar="STAGE", help="Where its boot came to rest: running (if nothing is said), maintenance."
)
@click.option("--version", metavar="VERSION", help="The version of Talos, as v1.13.9.")
@click.option("--hostname", metavar="NAME", help="What it calls itself.")
@click.option("--extension", "extensions", multiple=True, metavar="NAME[=VERSION]", help="An extension that is there.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="An extension service that is running.")
@click.option("--tailscale", metavar="HOSTNAME", help="It is online in its tailnet, by that name.")
@click.option("--spin", metavar="PATH", help="Spin is there, and GET PATH on port 3000 is answered with 200.")
@click.option("--kubernetes", metavar="NAME", help="Its cluster calls it Ready, by that name.")
@click.option("--cozystack", is_flag=True, help="The CozyStack of its cluster is up.")
@click.option(
    "--expect",
    "file",
    type=click.Path(path_type=Path),
    help="A file with the keys of a rig's `expect:`.",
)
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Opens its cluster; else Talos hands one out.")
@click.option("--kube-context", metavar="NAME", help="Which context of the kubeconfig.")
@click.option("--control", metavar="URL", help="Its headscale; a key of the API is in $HEADSCALE_API_KEY.")
@click.option(
    "--peer", type=click.Path(path_type=Path), help="LocalAPI socket of a tailscaled in its tailnet; else this host's."
)
@click.option("--within", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Wait for it so long at most.")
@click.option(
    "--stable-for", type=click.FloatRange(min=0.0), metavar="SECONDS", help="And it must stay so for so long."
)
@click.option("--watch", is_flag=True, help="Show it anew at each change, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; with --watch one a change, each on a line.")
def command(
    target: str | None,
    talosconfig: Path | None,
    context: str | None,
    insecure: bool,
    fingerprint: str | None,
    tailscale: str | None,
    spin: str | None,
    kubernetes: str | None,
    cozystack: bool,
    file: Path | None,
    kubeconfig: Path | None,
    kube_context: str | None,
    control: str | None,
    peer: Path | None,
    within: float | None,
    stable_for: float | None,
    watch: bool,
    as_json: bool,
    **expected: str | tuple[str, ...] | None,
) -> None:
    """Say whether a node is what is expected of it, condition by condition: Talos, and what is expected besides.

    NODE is a node of an open bench, as NODE or BENCH/NODE; ADDRESS is any node's, with :PORT if that is not 50000.
    Without either it is the only node there is, or the talosconfig's first endpoint. Exit code: 0 ready, 1 not ready,
    2 bad input, 3 it could not be asked.
    """
    from hil.checking.around import Around
    from hil.checking.asked import Asked
    from hil.checking.target import Opening, find_target
    from hil.secrets import of_environment

    HIDDEN.add(of_environment(os.environ))
    _must_fit(watch=watch, within=within, stable_for=stable_for)
    if insecure and (talosconfig or context):
        _refuse("--insecure asks without a talosconfig", "leave out --talosconfig and --context, or --insecure")
    opening = Opening(talosconfig, context, insecure, fingerprint)
    sections = _sections(file, tailscale, spin, kubernetes, cozystack=cozystack)
    talos = {**sections.pop("talos", {}), **_expected(insecure, expected)}
    around = Around(kubeconfig, kube_context, control, peer)
    found_target = find_target(target, opening, talos, sections, around)
    with closing(Asked(found_target)) as asked:
        if watch:
            _watch(asked, as_json=as_json)
            return
        found = asked.once() if within is None else asked.until_ready(within, stable_for or 0.0)
        code = asked.exit_code(found)  # once, while it still asks: it depends on what was heard last
        if as_json:
            click.echo(json.dumps(_document(asked, found, code), indent=1))
        else:
            _show(asked, found)
    click.get_current_context().exit(code)


def _must_fit(*, watch: bool, within: float | None, stable_for: float | None) -> None:
    if watch and (within is not None or stable_for is not None):
        _refuse("--watch goes on until Ctrl-C", "leave out --within and --stable-for, or --watch")
    if stable_for is not None and within is None:
        _refuse("--stable-for alone waits for nothing", "say by --within how long to wait at most")


def _refuse(what: str, hint: str) -> NoReturn:
    from hil.errors import UsageError

    raise UsageError(what, hint=hint)


def _expected(insecure: bool, words: dict[str, str | tuple[str, ...] | None]) -> dict[str, object]:
    """Keys of `expect: {talos: ...}` from the options that were given."""
    given: dict[str, object] = {key: value for key, value in words.items() if value}
    if insecure:
        given.setdefault("stage", "maintenance")
    if extensions := given.get("extensions"):
        assert isinstance(extensions, tuple)
        named = (word.partition("=") for word in extensions)
        given["extensions"] = {name: version or "any" for name, _, version in named}
    return given


def _sections(
    file: Path | None, tailscale: str | None, spin: str | None, kubernetes: str | None, *, cozystack: bool
) -> dict[str, dict[str, object]]:
    """Sections of `expect:` from a file, and from the options that were given, which go before it."""
    found: dict[str, dict[str, object]] = {}
    if file is not None:
        from hil.checking.sections import read_expect

        found = read_expect(file)
    said: dict[str, dict[str, object]] = {}
    if tailscale is not None:
        said["tailscale"] = {"hostname": tailscale}
    if spin is not None:
        said["spin"] = {"serves": {"path": spin}}
    if kubernetes is not None:
        said["kubernetes"] = {"node": kubernetes}
    if cozystack:
        said["cozystack"] = {}
    return found | {name: {**found.get(name, {}), **keys} for name, keys in said.items()}


def _show(asked: Asked, found: Readiness) -> None:
    clean = HIDDEN.redactor.text
    click.secho(clean(found.headline), fg="green" if found else "red")
    for row in found.table().splitlines()[1:]:
        click.echo(clean(row))
    message, hint = asked.trouble
    if message:
        click.echo(clean(f"{message}\n  what to do: {hint}"), err=True)


def _document(asked: Asked, found: Readiness, code: int) -> object:
    message, hint = asked.trouble
    target = asked.target
    trouble = {"message": message, "hint": hint} if message else None
    document = {
        "schema": SCHEMA,
        "node": target.subject,
        "address": target.access.place,
        **found.to_json(),
        "trouble": trouble,
        "exit_code": code,
    }
    return HIDDEN.redactor.document(document)


def _watch(asked: Asked, *, as_json: bool) -> None:
    """Show what is found at each change; ends by Ctrl-C alone."""
    if as_json:
        for found, _ in asked.changing():
            click.echo(json.dumps(_document(asked, found, asked.exit_code(found))))
    elif not sys.stdout.isatty():
        for found, news in asked.changing():
            _tell(found, news)
    else:
        _watch_on_terminal(asked)


def _tell(found: Readiness, news: list[Mark]) -> None:
    """What has happened, line by line with the time in UTC, and what that makes of the node."""
    from hil.clock import WallAnchor

    wall = WallAnchor.take()
    for mark in news:
        at = datetime.fromtimestamp(wall.to_wall(mark.at_ns), UTC)
        click.echo(HIDDEN.redactor.text(f"{at:%H:%M:%SZ} {mark.stage}: {mark.evidence} ({mark.source})"))
    click.echo(f"{datetime.now(UTC):%H:%M:%SZ} {found.headline}")


def _watch_on_terminal(asked: Asked) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(Text("asking"), auto_refresh=False, transient=False) as live:
        for found, _ in asked.changing():
            head, *rows = map(HIDDEN.redactor.text, found.table().splitlines())
            text = Text(f"{head}\n", style="bold green" if found else "bold red")
            text.append("\n".join(rows), style="not bold default")
            live.update(text, refresh=True)
