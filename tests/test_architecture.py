"""docs/architecture.md names every folder and top module, and nothing that is not there; kinds stay siblings."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"hil.machines": "machines", "hil.segments": "netboot", "hil.images": "images"}


def places() -> set[str]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def tracked() -> list[Path]:
    if shutil.which("git") is None:
        pytest.skip("git is not installed, so what belongs to the project is not known")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def test_every_folder_and_every_top_module_has_its_line() -> None:
    found = {path.parts[0] for path in tracked() if len(path.parts) > 1} - {"hil", ".github"}
    found |= {f"hil/{path.parts[1]}" for path in tracked() if path.parts[0] == "hil" and len(path.parts) > 2}
    found |= {
        str(path) for path in tracked() if path.parts[0] == "hil" and len(path.parts) == 2 and path.suffix == ".py"
    } - {"hil/__init__.py"}
    assert found - places() == set()
    assert places() - found == set()


WORDS_FIRST = re.compile(r'(?:#.*\n)*"""\s*\w(?:(?!""").)*"""\n', re.DOTALL)


def is_silent(text: str) -> bool:
    """Whether a module has no docstring. What begins with one is not parsed: for all of them that takes seconds."""
    return not WORDS_FIRST.match(text) and not ast.get_docstring(ast.parse(text))


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in tracked() if path.suffix == ".py" and is_silent((ROOT / path).read_text())]
    assert silent == []


def test_kinds_never_import_each_other() -> None:
    import tomllib

    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group in KINDS:
        modules = set(points[group].values())
        for module in modules:
            file = ROOT / (module.replace(".", "/") + ".py")
            sources = [file] if file.exists() else sorted(file.with_suffix("").glob("*.py"))
            for source in sources:
                imported = set(re.findall(r"^(?:from|import) (hil[\w.]*)", source.read_text(), re.MULTILINE))
                siblings = tuple(f"{name}." for name in modules - {module})
                strangers = [name for name in imported if f"{name}.".startswith(siblings)]
                assert strangers == [], f"{source} imports a sibling kind"
