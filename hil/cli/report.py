"""`hil report`: what the boots that a folder has records of came to, for a CI job's page or for a program."""

from __future__ import annotations

import json
from pathlib import Path

import click

SCHEMA = "hil.report/1"


@click.command("report")
@click.argument("artifacts", type=click.Path(path_type=Path), default=Path("hil-artifacts"))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(artifacts: Path, as_json: bool) -> None:
    """Summarise the boots recorded in the folder ARTIFACTS (hil-artifacts), as Markdown.

    On GitHub: hil report >> "$GITHUB_STEP_SUMMARY"
    """
    from hil.report.summary import markdown, recorded

    boots = recorded(artifacts)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "boots": [boot.to_json() for boot in boots]}, indent=1))
    else:
        click.echo(markdown(artifacts, boots), nl=False)
