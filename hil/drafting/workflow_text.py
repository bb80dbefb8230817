"""The CI workflow that ships (fixtures/ci/github-arm64.yml) as one for a drafted rig. Adds no step of its own."""

from __future__ import annotations

import json
import re
from typing import Final

from hil.errors import HilBug
from hil.shipped import shipped

_HEAD: Final = (
    "# Boots the machines of {rig} on a GitHub ARM64 runner, for each push and pull request. Written by `hil init`;"
    "\n# docs/ci.md of hil says what each step is for.\n"
)
_PLACES: Final = (
    (re.compile(r"\A(?:#[^\n]*\n)+"), _HEAD),
    (re.compile(r"^  HIL_RIG: [^\n]*$", re.MULTILINE), "  HIL_RIG: {quoted}"),
    (re.compile(r"(?<=run: pytest )(?=--rig)", re.MULTILINE), "{tests} "),
)


def workflow_text(*, rig: str, tests: str) -> str:
    """The text of the workflow.

    Args:
        rig: the rig file, from the repository's root.
        tests: the test file, from there.

    Raises:
        HilBug: the workflow that ships has not the lines that are to be changed.
    """
    text = (shipped("fixtures") / "ci" / "github-arm64.yml").read_text("utf-8")
    for place, words in _PLACES:
        filled = words.format(rig=rig, quoted=json.dumps(rig), tests=tests)
        text, count = place.subn(filled.replace("\\", r"\\"), text)
        if count != 1:
            raise HilBug(
                f"the workflow that ships has {count} places like {place.pattern!r}", hint="install hil again"
            )
    return text
