"""The workflows that ship, linted by actionlint, and what theirs says against what hil has."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.drafting.files import RIG, TESTS
from hil.drafting.workflow_text import workflow_text
from hil.shipped import shipped
from hil.tools.cache import Cache
from hil.tools.gobuild import Service, build
from hil.tools.progress import quiet

ACTIONLINT = Service(
    name="actionlint",
    version="v1.7.12",
    package="github.com/rhysd/actionlint/cmd/actionlint",
    stamps=("github.com/rhysd/actionlint.version=v1.7.12",),
    group="tools",
)
FOR_USERS = shipped("fixtures") / "ci" / "github-arm64.yml"
OWN = Path(__file__).parents[2] / ".github" / "workflows" / "ci.yml"


@pytest.fixture(scope="module")
def actionlint() -> list[str]:
    """The command, which lints the shell in a workflow too."""
    program = build(ACTIONLINT, Cache(), progress=quiet, deadline=Deadline.after(600))
    beside = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck") or ""
    return [str(program), "-no-color", "-shellcheck", shellcheck, "-pyflakes", ""]


@pytest.mark.parametrize("workflow", [FOR_USERS, OWN], ids=["for-users", "own"])
def test_a_workflow_is_right(actionlint: list[str], workflow: Path) -> None:
    done = subprocess.run([*actionlint, str(workflow)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_workflow_that_hil_init_writes_is_right(actionlint: list[str], tmp_path: Path) -> None:
    (tmp_path / "hil.yml").write_text(workflow_text(rig=RIG, tests=TESTS))
    done = subprocess.run([*actionlint, str(tmp_path / "hil.yml")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("runs-on: ubuntu-24.04-arm", "runs-on: ubuntu-24.04-arm65", "label .* is unknown"),
        ("steps.cache.outputs.cache-hit", "steps.cash.outputs.cache-hit", 'property "cash" is not defined'),
        ("${{ runner.os }}", "${{ runner.so }}", 'property "so" is not defined'),
        ("timeout-minutes: 45", "timeout: 45", 'unexpected key "timeout"'),
    ],
)
def test_the_linter_finds_a_mistake(actionlint: list[str], tmp_path: Path, right: str, wrong: str, said: str) -> None:
    text = FOR_USERS.read_text()
    assert right in text
    (tmp_path / "wrong.yml").write_text(text.replace(right, wrong))
    done = subprocess.run([*actionlint, str(tmp_path / "wrong.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(said, done.stdout), done.stdout


def test_the_linter_is_the_pinned_one(actionlint: list[str]) -> None:
    said = subprocess.run([actionlint[0], "-version"], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[0] == ACTIONLINT.version


def test_the_commands_of_the_workflow_are_hils_own(tmp_path: Path) -> None:
    commands = [
        shlex.split(line.partition(">>")[0]) for line in re.findall(r"run: ((?:hil|pytest) .*)", FOR_USERS.read_text())
    ]
    assert [command[:2] for command in commands] == [["hil", "doctor"], ["pytest", "--rig"], ["hil", "report"]]
    for command in commands:
        options = [word for word in command if word.startswith("--")]
        words = command[:1] if command[0] == "pytest" else command[:2]
        called = [sys.executable, "-m", "pytest"] if words == ["pytest"] else [sys.executable, "-c", MAIN, *words[1:]]
        told = subprocess.run([*called, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        for option in options:
            assert re.search(rf"(^|\s){option}\b", told), option


MAIN = "from hil.start import main; main()"
