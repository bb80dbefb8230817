"""`hil rig`: check rig files, list those that are at hand, and describe them to editors. Opens no bench."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli import rig_find
from hil.cli.written import write_out
from hil.errors import ConfigError, HilError, Problem

if TYPE_CHECKING:
    from hil.config.rig import Rig


@click.group(name="rig")
def command() -> None:
    """Check rig files, list them, and write their JSON Schema."""


command.add_command(rig_find.command)


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Say everything that is wrong in each FILE (a rig file, or the name of a shipped rig)."""
    from hil.config.rig import load_rig

    results: list[tuple[str, Rig | ConfigError]] = []
    for file in files:
        try:
            results.append((file, load_rig(file, cwd=Path.cwd())))
        except ConfigError as error:
            results.append((file, error))
    wrong = [error for _, error in results if isinstance(error, ConfigError)]
    if as_json:
        document = {
            "schema": "hil.rig-check/1",
            "files": [_check_entry(file, result) for file, result in results],
        }
        click.echo(json.dumps(document, indent=2))
    for file, result in results:
        if not as_json and not isinstance(result, ConfigError):
            click.echo(f"{file}: ok: {_summary(result)}")
    if wrong:
        raise ConfigError([problem for error in wrong for problem in error.problems], hint=wrong[0].hint)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """List the rigs that ship with hil, and those in ./rigs."""
    rows = _rows(Path.cwd())
    if as_json:
        document = {"schema": "hil.rig-list/1", "rigs": [row.document() for row in rows]}
        click.echo(json.dumps(document, indent=2))
        return
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row.name:{width}}  {row.text()}  ({row.file})")


@command.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file, instead of standard output.")
@click.option("--shipped", is_flag=True, help="Of the kinds that ship with hil alone, whatever else is installed.")
def schema(out: Path | None, shipped: bool) -> None:
    """Write the JSON Schema of a rig file, of all kinds that are installed here.

    An editor reads it for what it offers and marks; see rigs/README.md. `hil rig check` knows more.
    """
    from hil.config.schema import rig_schema

    text = json.dumps(rig_schema(own=shipped), indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    write_out(out, text)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the list: a rig, or why it could not be loaded."""

    name: str
    file: str
    result: Rig | HilError

    def text(self) -> str:
        """What a person reads after the name."""
        if isinstance(self.result, ConfigError):
            return f"not usable: {self.result.message.splitlines()[0]}; see `hil rig check {self.name}`"
        if isinstance(self.result, HilError):
            return f"not usable: {self.result.message}"
        about = f": {self.result.description}" if self.result.description else ""
        return _summary(self.result) + about

    def document(self) -> dict[str, object]:
        """What a program reads."""
        if isinstance(self.result, HilError):
            return {"name": self.name, "file": self.file, "ok": False, "reason": self.result.message}
        return {"name": self.name, "file": self.file, "ok": True, **_facts(self.result)}


def _rows(cwd: Path) -> list[_Row]:
    """The shipped rigs, then those of ./rigs that are not the same files; the name is what other commands
    take."""
    from hil.config.rig import SUFFIXES, load_rig, shipped_rigs

    shipped = shipped_rigs()
    known = {file.resolve() for file in shipped.values()}
    folder = cwd / "rigs"
    own = sorted(file for file in folder.glob("*") if file.suffix in SUFFIXES and file.resolve() not in known)
    rows: list[_Row] = []
    for name in [*shipped, *(str(file.relative_to(cwd)) for file in own)]:
        file = str(shipped.get(name, name))
        try:
            rows.append(_Row(name, file, load_rig(name, cwd=cwd)))
        except HilError as error:
            rows.append(_Row(name, file, error))
    return rows


def _facts(rig: Rig) -> dict[str, object]:
    return {
        "rig": rig.name,
        "description": rig.description,
        "segment": rig.segment.kind,
        "twin": rig.on_twin,
        "nodes": {name: {"kind": node.kind, "image": node.image} for name, node in rig.nodes.items()},
        "images": {name: image.kind for name, image in rig.images.items()},
    }


def _summary(rig: Rig) -> str:
    count = len(rig.nodes)
    kinds = ", ".join(sorted({node.kind for node in rig.nodes.values()}))
    where = ", on the bench twin" if rig.on_twin else ""
    return f"{count} node{'s' if count != 1 else ''} ({kinds}), segment {rig.segment.kind}{where}"


def _check_entry(file: str, result: Rig | ConfigError) -> dict[str, object]:
    if isinstance(result, ConfigError):
        return {"file": file, "ok": False, "problems": [_problem(problem) for problem in result.problems]}
    return {"file": file, "ok": True, **_facts(result), "problems": []}


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "text": problem.text,
        "message": problem.message,
        "hint": problem.hint,
    }
