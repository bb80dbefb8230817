"""hil from its wheel, with no checkout around: it has its rigs and fixtures, checks a rig, and boots."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BOOT_WITHIN = 300


@pytest.fixture(scope="module")
def hil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `hil` of an environment that has the wheel; other packages come from the environment of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, capture_output=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = environment.glob("lib/python*/site-packages")
    # Behind the wheel's own folder in sys.path, and the editable hil of the tests is not taken along: a path file in a
    # folder that was added by a path file is not read (site(3)).
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = [str(python), "-I", "-c", "import hil; print(hil.__file__)"]
    found = subprocess.run(where, check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(environment))
    return environment / "bin" / "hil"


def test_it_has_its_rigs(hil: Path, tmp_path: Path) -> None:
    done = subprocess.run([hil, "rig", "list", "--json"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "virt" in done.stdout
    assert str(hil.parent.parent) in done.stdout


def test_it_boots(hil: Path, tmp_path: Path) -> None:
    command = [hil, "boot", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=BOOT_WITHIN, check=False)
    assert done.returncode == 0, done.stderr
    (boot,) = json.loads(done.stdout)["boots"]
    assert boot["verdict"] == "ready"


def test_pytest_finds_the_fixtures(hil: Path, tmp_path: Path) -> None:
    command = [hil.with_name("python"), "-m", "pytest", "--fixtures", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    for name in ("rig", "bench", "node", "nodes", "matchbox", "timeline"):
        assert f"\n{name}" in done.stdout
