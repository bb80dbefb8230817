"""Finds dnsmasq, which gives a segment its DHCP, its names and its TFTP, and gets it if that is asked for."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host
from hil.tools.cache import Cache
from hil.tools.memo import remembered
from hil.tools.process import run
from hil.tools.progress import Progress, quiet

PACKAGE: Final = "dnsmasq-base"
"""The package of Debian and Ubuntu that has the program alone, and starts no service."""

NEEDED: Final = (2, 85)
_GET_WITHIN: Final = 3600.0
_ASK_WITHIN: Final = 10.0
# It is for root on most systems, so it is not in everyone's PATH.
_ALSO_IN: Final = ("/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Dnsmasq:
    """dnsmasq, and its version as (2, 90)."""

    path: Path
    version: tuple[int, int]


def find(*, ensure: bool = False, progress: Progress = quiet) -> Dnsmasq:
    """dnsmasq in PATH, or where the system keeps it.

    Args:
        ensure: whether to install it where it is missing.
        progress: told of that.

    Raises:
        InfrastructureError: it is missing, too old, or does not say its version.
    """
    path = _in_path()
    if path is None and ensure:
        host.install([PACKAGE], progress=progress, deadline=Deadline.after(_GET_WITHIN))
        path = _in_path()
    if path is None:
        raise InfrastructureError(
            "dnsmasq is not on this bench; a segment of kind `bridge` or `interface` needs it",
            hint=host.install_command([PACKAGE]),
        )
    version = tuple(map(int, remembered(Cache(), "dnsmasq", path, lambda: _ask(path)).split(".")))
    if version < NEEDED:
        raise InfrastructureError(
            f"{path} is dnsmasq {version[0]}.{version[1]}; {NEEDED[0]}.{NEEDED[1]} or newer is needed",
            hint="install a newer dnsmasq",
        )
    return Dnsmasq(path, (version[0], version[1]))


def parse_version(text: str) -> str:
    """The version that `dnsmasq --version` prints, as "2.90"; "" for other text."""
    match = re.search(r"^Dnsmasq version ([0-9]{1,4}\.[0-9]{1,4})", text, re.MULTILINE)
    return match[1] if match else ""


def _in_path() -> Path | None:
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ALSO_IN))
    found = shutil.which("dnsmasq", path=places)
    return Path(found) if found else None


def _ask(path: Path) -> str:
    done = run([path, "--version"], deadline=Deadline.after(_ASK_WITHIN))
    version = parse_version(done.output)
    if done.code != 0 or not version:
        raise InfrastructureError(
            f"{path} --version did not say which dnsmasq it is (exit code {done.code})",
            hint=f"install it again: {host.install_command([PACKAGE])}",
            evidence=done.last_lines(),
        )
    return version
