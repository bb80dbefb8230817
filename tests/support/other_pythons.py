"""Virtual environments of their own, for programs that cannot be where hil is. They come from the package registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def installed(folder: Path, *requirements: str, without: str = "") -> Path:
    """The Python of a new virtual environment with these packages; the test is skipped where no registry is reached.

    Args:
        folder: gets it.
        requirements: exact ones, as "labgrid==26.0.1".
        without: what they say they need and do not, as one that wants to be compiled.
    """
    # hilw has its own beside the environment that it makes.
    beside = Path(sys.executable).parents[2] / "uv" / "bin" / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not there")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(python.parents[1])], check=True, env=_plain())
    left_out = folder / "left-out"
    left_out.write_text(f"{without} ; python_version < '3'\n" if without else "")
    done = subprocess.run(
        [uv, "pip", "install", "-q", "--overrides", str(left_out), "--python", str(python), *requirements],
        capture_output=True,
        text=True,
        env=_plain(),
        timeout=600,
    )
    if done.returncode:
        said = done.stderr
        if any(word in said for word in ("Failed to fetch", "dns error", "Connect", "timed out")):
            pytest.skip(f"the package registry is not reached: {said.splitlines()[-1]}")
        raise AssertionError(said)
    return python


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
