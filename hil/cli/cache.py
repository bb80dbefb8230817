"""`hil cache`: lists what was downloaded and built, checks it, and removes it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from hil.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from hil.tools.cache import Cache
    from hil.tools.entry import Entry


@click.group(name="cache")
def command() -> None:
    """List or remove what was downloaded and built."""


@dataclass(frozen=True, slots=True)
class _Row:
    entry: Entry
    path: str
    state: str


@command.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--verify", is_flag=True, help="Read everything again and compare its sha256.")
def ls(as_json: bool, verify: bool) -> None:
    """List what the cache holds, where each thing came from, and its sha256.

    Exit code 3 when --verify finds something that is not what it was.
    """
    from hil.tools.cache import Cache

    cache = Cache()
    rows = [_row(cache, entry, verify=verify) for entry in cache.entries()]
    if as_json:
        click.echo(json.dumps(_document(cache, rows), indent=2))
    else:
        click.echo("\n".join(_lines(cache, rows)))
    bad = [row for row in rows if row.state in ("altered", "gone")]
    if bad:
        names = " ".join(row.entry.name for row in bad)
        raise InfrastructureError(
            f"of what the cache holds, this is altered or gone: {names}",
            hint=f"run `hil cache rm {names}`, then `hil doctor --fix`",
        )


@command.command(name="rm")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Remove everything.")
@click.option("--older-than", metavar="TIME", help='Remove what was made longer ago, as "720h".')
def rm(names: tuple[str, ...], everything: bool, older_than: str | None) -> None:
    """Remove NAMEs, as `hil cache ls` lists them, or all, or what is old."""
    from hil.tools.cache import Cache

    if sum((bool(names), everything, older_than is not None)) != 1:
        raise UsageError("`hil cache rm` takes names, or --all, or --older-than", hint="see `hil cache ls` for names")
    cache = Cache()
    if everything:
        freed = cache.clear()
    else:
        chosen = _named(cache, names) if older_than is None else _older(cache, older_than)
        freed = cache.remove(chosen)
        click.echo(f"removed {' '.join(chosen) or 'nothing'}")
    click.echo(f"{freed / 1e6:.1f} MB set free")


def _row(cache: Cache, entry: Entry, *, verify: bool) -> _Row:
    from hil.tools.audit import audit

    path = cache.content(entry)
    state = audit(cache, entry) if verify else ("" if path.exists() else "gone")
    return _Row(entry, str(path), state)


def _document(cache: Cache, rows: list[_Row]) -> dict[str, object]:
    entries = [
        {
            "name": row.entry.name,
            "kind": row.entry.kind,
            "sha256": row.entry.digest,
            "size": row.entry.size,
            "path": row.path,
            "origin": row.entry.origin,
            "how": row.entry.how,
            "made": row.entry.made,
            "facts": dict(row.entry.facts),
            "state": row.state or "not read",
        }
        for row in rows
    ]
    return {"schema": "hil.cache/1", "root": str(cache.root), "entries": entries}


def _lines(cache: Cache, rows: list[_Row]) -> list[str]:
    lines = [f"{cache.root}: {len(rows)} entries, {sum(row.entry.size for row in rows) / 1e6:.1f} MB"]
    for row in rows:
        made = time.strftime("%Y-%m-%d", time.localtime(row.entry.made))
        state = f"  {row.state}" if row.state else ""
        lines.append(f"{row.entry.name:28} {row.entry.size / 1e6:8.1f} MB  {made}{state}")
        lines += [f"    {row.entry.origin}", f"    {row.entry.how}", f"    sha256 {row.entry.digest}"]
    return lines


def _named(cache: Cache, names: tuple[str, ...]) -> list[str]:
    known = {entry.name for entry in cache.entries()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"the cache holds no {', '.join(unknown)}", hint="see `hil cache ls` for names")
    return list(names)


def _older(cache: Cache, text: str) -> list[str]:
    from hil.config.units import BadQuantity, parse_seconds

    try:
        limit = time.time() - parse_seconds(text)
    except BadQuantity as error:
        raise UsageError(f"--older-than: {error}", hint=error.hint) from error
    return [entry.name for entry in cache.entries() if entry.made < limit]
