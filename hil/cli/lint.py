"""`hil lint`: check files before a machine gets them. Boots nothing and asks no machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hil.errors import ConfigError, InfrastructureError

if TYPE_CHECKING:
    from hil.config.rpi import BoardModel
    from hil.lint.machine_config import Checked

_BUILD_WITHIN: Final = 900.0
_CHECK_WITHIN: Final = 60.0
_MODELS: Final = ("cm4", "pi4", "cm3", "cm3+")


@click.group(name="lint")
def command() -> None:
    """Check files before a machine gets them."""


@command.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, readable=True)
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@click.option("--rig", metavar="RIG", help="A rig whose nodes get them: is install.disk a disk of one of them?")
def config(files: tuple[str, ...], as_json: bool, strict: bool, rig: str | None) -> None:
    """Say everything that is wrong in each FILE, a Talos machine configuration.

    Talos's own library judges it (the first time it is built, which takes a minute). hil looks at what that library
    leaves out: the disk's path, arguments that no bootloader heeds, networks that clash. Exit code 2: an error was
    found; 3: the library could not be built, so that it was not asked.
    """
    from hil.clock import Deadline
    from hil.lint.machine_config import check_file

    nodes = {} if rig is None else _disks_of(rig)
    program, unbuilt = _talostool()
    checked = [
        check_file(file, program, strict=strict, deadline=Deadline.after(_CHECK_WITHIN), nodes=nodes) for file in files
    ]
    if as_json:
        click.echo(json.dumps(_document(checked, unbuilt), indent=2))
    else:
        for one in checked:
            _show(one)
    if unbuilt is not None:
        raise _not_asked(checked, unbuilt)
    _raise_errors(checked)


@command.command("raspberry")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, readable=True)
)
@click.option(
    "--model", type=click.Choice(_MODELS), default="cm4", show_default=True, help="The board that gets them."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
def raspberry_files(files: tuple[str, ...], model: BoardModel, as_json: bool, strict: bool) -> None:
    """Say what is wrong in each FILE, a Raspberry Pi's config.txt or (with "cmdline" in its name) cmdline.txt.

    Whether the files that they name are there, `hil boot` checks before the board is switched on. Exit code 2: an
    error was found.
    """
    from hil.lint.finding import Severity
    from hil.lint.raspberry.check import check_file, refuse_errors

    checked = [check_file(file, model=model, strict=strict) for file in files]
    if as_json:
        found = [
            {"file": one.file, "ok": one.ok, "findings": [finding.document() for finding in one.findings]}
            for one in checked
        ]
        click.echo(json.dumps({"schema": "hil.lint.raspberry/1", "model": model, "files": found}, indent=2))
    else:
        for one in checked:
            for problem in one.problems(Severity.WARNING, Severity.NOTE):
                click.echo(problem.render())
            if one.ok:
                click.echo(f"{one.file}: ok")
    refuse_errors(checked)


def _disks_of(rig: str) -> dict[str, tuple[str, ...]]:
    """What Linux calls the disks of each node of which it is known."""
    from hil.config.rig import load_rig

    nodes = load_rig(rig, cwd=Path.cwd()).nodes
    return {name: devices for name, node in nodes.items() if (devices := node.devices()) is not None}


def _talostool() -> tuple[Path | None, InfrastructureError | None]:
    """The program with Talos's library, or why there is none."""
    from hil.clock import Deadline
    from hil.tools.cache import Cache
    from hil.tools.gonode import node_program
    from hil.tools.progress import shown_on

    show = shown_on(sys.stderr)
    try:
        return node_program("talostool", Cache(), progress=show, deadline=Deadline.after(_BUILD_WITHIN)), None
    except InfrastructureError as error:
        return None, error
    finally:
        show.close()


def _show(one: Checked) -> None:
    """What was found without being an error, or that nothing was."""
    from hil.lint.finding import Severity

    for problem in one.problems(Severity.WARNING, Severity.NOTE):
        click.echo(problem.render())
    if one.ok:
        names = [f"{document.kind}/{document.name}".rstrip("/") for document in one.documents]
        by = "" if one.asked else " by hil's own checks"
        click.echo(f"{one.file}: ok{by}: {', '.join(names)}")


def _raise_errors(checked: Sequence[Checked]) -> None:
    problems = _errors(checked)
    if problems.problems:
        raise problems


def _errors(checked: Sequence[Checked]) -> ConfigError:
    from hil.lint.finding import Severity

    problems = [problem for one in checked for problem in one.problems(Severity.ERROR)]
    return ConfigError(problems, hint="mend the file and run `hil lint config` again")


def _not_asked(checked: Sequence[Checked], unbuilt: InfrastructureError) -> InfrastructureError:
    """That Talos was not asked, and why; with what was found all the same."""
    errors = _errors(checked)
    shown = errors.message.splitlines() if errors.problems else ()
    return InfrastructureError(
        f"Talos's own library was not asked, for talostool could not be built: {unbuilt.message}",
        hint=unbuilt.hint,
        evidence=[*unbuilt.evidence, *shown],
    )


def _document(checked: Sequence[Checked], unbuilt: InfrastructureError | None) -> dict[str, object]:
    from hil.tools.gonode import talos_version

    return {
        "schema": "hil.lint/1",
        "talos": talos_version() if unbuilt is None else None,
        "not_asked_because": None if unbuilt is None else unbuilt.message,
        "files": [
            {
                "file": one.file,
                "ok": one.ok,
                "documents": [{"kind": document.kind, "name": document.name} for document in one.documents],
                "findings": [finding.document() for finding in one.findings],
            }
            for one in checked
        ],
    }
