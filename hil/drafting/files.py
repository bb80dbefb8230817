"""Writes a draft's files, and never over one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.drafting.draft import Draft
from hil.drafting.rig_text import rig_text
from hil.drafting.tests_text import tests_text
from hil.drafting.workflow_text import workflow_text
from hil.errors import UsageError

RIG: Final = "rig.yaml"
TESTS: Final = "tests/test_nodes.py"
WORKFLOW: Final = ".github/workflows/hil.yml"
REQUIREMENTS: Final = "requirements-hil.txt"
"""What the workflow has pip read, which only the user can write."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the files, each by its path from the folder.

    Args:
        new: those that were written.
        kept: those that were there already, and are as they were.
    """

    new: tuple[str, ...]
    kept: tuple[str, ...]


def texts(draft: Draft) -> Mapping[str, str]:
    """Each file's text, by its path from the folder of the rig file."""
    return {
        RIG: rig_text(draft),
        TESTS: tests_text(draft, rig=RIG, tests=TESTS),
        WORKFLOW: workflow_text(rig=RIG, tests=TESTS),
    }


def write(out: Path, files: Mapping[str, str]) -> Written:
    """Write them.

    Args:
        out: the folder; made if it is not there.
        files: as `texts` gives them.

    Raises:
        UsageError: a file cannot be written.
    """
    new: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        file = out / name
        try:
            (new if _create(file, text) else kept).append(name)
        except OSError as error:
            raise UsageError(
                f"{file} cannot be written: {error.strerror}; written so far: {', '.join(new) or 'nothing'}",
                hint="name a folder that you can write to by --out",
            ) from error
    return Written(tuple(new), tuple(kept))


def _create(file: Path, text: str) -> bool:
    """Write a file unless there is one; whether it was written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True
