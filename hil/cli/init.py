"""`hil init`: draft a rig file, tests and a CI workflow from a Matchbox tree. Boots nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil.drafting.draft import Draft
    from hil.drafting.files import Written

SCHEMA = "hil.init/1"


@click.command("init")
@click.option(
    "--matchbox",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Your Matchbox tree: the folder with groups/ and profiles/ in it.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to write; best the root of your repository.  [default: the current folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(matchbox: Path, out: Path, as_json: bool) -> None:
    """Write a rig file, tests and a CI workflow for the machines of a Matchbox tree.

    One QEMU node for each group, which Matchbox knows by the group's own selector. The tree is only read, and a file
    that is there already is left as it is. What the tree does not say is listed, each with its place.
    """
    from hil.drafting.draft import make_draft
    from hil.drafting.files import REQUIREMENTS, texts, write

    draft = make_draft(matchbox, out)
    written = write(out, texts(draft))
    if as_json:
        click.echo(json.dumps(_document(draft, written, out), indent=1))
        return
    for name in written.new:
        click.echo(f"wrote {out / name}")
    for name in written.kept:
        click.echo(f"kept {out / name}: it was there already; to have it drafted anew, move it away")
    if draft.undecided:
        click.echo(f"\nNot decided, {len(draft.undecided)} in all:")
        for problem in draft.undecided:
            click.echo(problem.render())
    click.echo(f"\nnext: {_next(draft, out)}")
    if not (out / REQUIREMENTS).exists():
        click.echo(f"for CI: write {out / REQUIREMENTS}, which says where pip gets hil from (docs/ci.md of hil)")


def _next(draft: Draft, out: Path) -> str:
    """The command to go on with: the boot of one node, for each takes its time."""
    from hil.drafting.files import RIG

    rig = str(out / RIG)
    rig = rig if "/" in rig else f"./{rig}"
    if draft.missing:
        return f"name the assets in {rig}, then: hil boot {rig} --node {draft.nodes[0].name}"
    return f"hil boot {rig} --node {draft.nodes[0].name}"


def _document(draft: Draft, written: Written, out: Path) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "written": [str(out / name) for name in written.new],
        "kept": [str(out / name) for name in written.kept],
        "nodes": {
            node.name: {
                "group": node.group.id,
                "profile": node.group.profile,
                "selectors": dict(node.selectors),
                "becomes": draft.becomes(node.name).value,
            }
            for node in draft.nodes
        },
        "missing_assets": [asset.path for asset in draft.missing],
        "undecided": [
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in draft.undecided
        ],
        "next": _next(draft, out),
    }
