"""What this host is: its distribution, its architecture, and how system packages get onto it."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools.process import run
from hil.tools.progress import Progress, Step

_DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Distribution:
    """What os-release(5) says.

    Args:
        id: lower-case name, as "debian".
        codename: of this release, as "bookworm"; "" where there is none.
        version: number of this release, as "12"; "" where there is none.
        family: "debian" or "ubuntu" for these two, else "".
    """

    id: str
    codename: str
    version: str
    family: str


def parse_os_release(text: str) -> Distribution:
    """Read the text of an os-release file; what cannot be read counts as absent."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, found, value = line.partition("=")
        if found and not key.lstrip().startswith("#"):
            fields[key.strip()] = value.strip().strip("\"'")
    name = fields.get("ID", "")
    # A derivative has suites of its own, so only the two themselves count.
    family = name if name in ("debian", "ubuntu") else ""
    return Distribution(name, fields.get("VERSION_CODENAME", ""), fields.get("VERSION_ID", ""), family)


def distribution(root: Path = Path("/")) -> Distribution:
    """This host's distribution; all fields empty where there is no os-release."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            return parse_os_release((root / name).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return Distribution("", "", "", "")


def machine() -> str:
    """The kernel's word for this machine, as "x86_64" or "aarch64"."""
    return platform.machine()


def debian_architecture() -> str:
    """Debian's word for it, as "amd64".

    Raises:
        InfrastructureError: nothing here is made for such a machine.
    """
    try:
        return _DEBIAN_ARCHITECTURES[machine()]
    except KeyError as error:
        raise InfrastructureError(
            f"this machine is {machine()}; benches run on x86_64 and aarch64", hint="use another machine"
        ) from error


def install_command(packages: Sequence[str]) -> str:
    """The one command that a person types to install system packages."""
    return f"sudo apt-get install --yes --no-install-recommends {shlex.join(packages)}"


def install(packages: Sequence[str], *, progress: Progress, deadline: Deadline) -> None:
    """Install system packages by apt, as root or by `sudo -n`.

    Raises:
        InfrastructureError: there is no apt, no right to use it, or it failed; the hint has the command.
    """
    command = install_command(packages)
    missing = f"these system packages are missing: {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise InfrastructureError(
            f"{missing}; this host has no apt",
            hint="install what they contain by this distribution's own means",
        )
    become = _become_root(deadline)
    if become is None:
        raise InfrastructureError(f"{missing}, and `sudo -n` is refused", hint=f"run: {command}")
    # env(1) carries the setting through sudo, which clears the environment.
    apt = [*become, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]
    progress(Step("reading the package lists"))
    run([*apt, "update"], deadline=deadline)
    progress(Step(f"installing {' '.join(packages)}"))
    done = run([*apt, "install", "--yes", "--no-install-recommends", *packages], deadline=deadline)
    if done.code != 0:
        raise InfrastructureError(f"{missing}, and apt-get failed", hint=f"run: {command}", evidence=done.last_lines())


def _become_root(deadline: Deadline) -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None or run(["sudo", "-n", "true"], deadline=deadline).code != 0:
        return None
    return ["sudo", "-n"]
