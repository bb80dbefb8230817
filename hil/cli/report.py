"""`hil report`: what the boots that a folder has records of came to, and one boot, or two, as a page of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from hil.errors import UsageError

SCHEMA = "hil.report/1"
_RECORD = "boot.json"


@click.command("report")
@click.argument("folders", nargs=-1, metavar="[ARTIFACTS | BOOT [BOOT]]", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where the page goes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(folders: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Summarise the boots recorded in the folder ARTIFACTS (hil-artifacts), as Markdown.

    On GitHub: hil report >> "$GITHUB_STEP_SUMMARY"

    With the folder of one BOOT write its page, boot.html in that folder; with two, a page that has them side by side,
    boots.html. Prints where it is. It is one file, and needs neither network nor the folder.
    """
    if len(folders) > 1 or (folders and not as_json and (folders[0] / _RECORD).exists()):
        _page(folders, out, as_json)
    elif out is not None:
        raise UsageError(
            "--out is for a page, and there is no page of many boots",
            hint="name the folder of one boot, or of two: the one that has boot.json",
        )
    else:
        _summary(folders[0] if folders else Path("hil-artifacts"), as_json)


def _summary(artifacts: Path, as_json: bool) -> None:
    from hil.report.summary import markdown, recorded

    boots = recorded(artifacts)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "boots": [boot.to_json() for boot in boots]}, indent=1))
    else:
        click.echo(markdown(artifacts, boots), nl=False)


def _page(folders: Sequence[Path], out: Path | None, as_json: bool) -> None:
    from hil.report.folder import PAGE
    from hil.report.page import write_page

    if as_json:
        raise UsageError(
            "--json is of the summary, and two boots have none", hint="leave --json out, or name one folder"
        )
    for folder in folders:
        if not (folder / _RECORD).is_file():
            raise UsageError(
                f"{folder} is no folder of a boot: it has no {_RECORD}",
                hint="name the folder that `hil boot` calls its record, as hil-artifacts/virt-.../node1-boot1",
            )
    page = out or (folders[0] / PAGE if len(folders) == 1 else Path("boots.html"))
    write_page(folders, page)
    click.echo(page)
