"""Builds the programs of the simulated Talos node from `fixtures/node`, for any machine; runs none of them.

A program is kept under the digest of the module's whole source, so a look-up needs no Go and an edit is seen by
itself; what Go compiled is kept as well, so building after an edit takes seconds. The same source gives the same
bytes: no path, no build ID and no version control stamp is in them (`go help build`, `go tool link`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.shipped import shipped
from hil.tools import host
from hil.tools.cache import Cache
from hil.tools.gotool import Go, dotted, go_environment, go_for
from hil.tools.process import Finished, run
from hil.tools.progress import Progress, Step

GUEST: Final = "arm64"
"""The machine that the simulated node boots on, as GOARCH names it."""

# grpcnotrace leaves x/net/trace out, and with it 5 MB (grpc, trace_withtrace.go).
_FLAGS = ("-trimpath", "-buildvcs=false", "-tags=grpcnotrace", "-ldflags=-s -w -buildid=")
_MACHINERY = re.compile(r"^\s*github\.com/siderolabs/talos/pkg/machinery (v\S+)$", re.MULTILINE)
_GOARCH = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the module, for one kind of machine.

    Args:
        name: of its folder in cmd/.
        architecture: the machine, as GOARCH names it: "arm64" or "amd64".
    """

    name: str
    architecture: str

    @property
    def entry(self) -> str:
        """Its name in the cache."""
        return f"node-{self.name}-{self.architecture}"


def module() -> Path:
    """The folder of the Go module."""
    return shipped("fixtures") / "node"


def guest_program(name: str, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """A program for the simulated node itself, built if it is not in the cache.

    Args:
        name: of its folder in cmd/: "machined".

    Raises:
        InfrastructureError: there is no Go to be had, or the build failed; the message has Go's own words.
    """
    return obtain(Program(name, GUEST), cache, progress=progress, deadline=deadline)


def node_program(name: str, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """A program for this host, built if it is not in the cache: "talostool", or a hosted "machined".

    Raises:
        InfrastructureError: as `guest_program`, or nobody knows Go's name for this host's machine.
    """
    return obtain(_for_this_host(name), cache, progress=progress, deadline=deadline)


def needed() -> tuple[Program, ...]:
    """What a bench needs for a simulated node, its first program first: extensions' too, and the host's tool.

    Raises:
        InfrastructureError: nobody knows Go's name for this host's machine.
    """
    extensions = sorted(folder.name for folder in (module() / "extensions").iterdir() if _is_built_here(folder.name))
    return (*(Program(name, GUEST) for name in ("machined", *extensions)), _for_this_host("talostool"))


def _is_built_here(extension: str) -> bool:
    """Whether the extension's program is one of the module; others bring programs of others."""
    return (module() / "cmd" / extension).is_dir()


def built(program: Program, cache: Cache) -> Path | None:
    """The program from the cache, if it was built from this very source."""
    return cache.file(program.entry, _key(program))


def _for_this_host(name: str) -> Program:
    machine = host.machine()
    if machine not in _GOARCH:
        raise InfrastructureError(f"{name} is not built for {machine}", hint="use an x86_64 or aarch64 host")
    return Program(name, _GOARCH[machine])


def talos_version() -> str:
    """The version of Talos whose libraries the node is made of, from the module's go.mod: "v1.13.9".

    Raises:
        InfrastructureError: go.mod cannot be read or does not name them.
    """
    path = module() / "go.mod"
    try:
        match = _MACHINERY.search(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InfrastructureError(f"{path} cannot be read: {error.strerror}", hint="install hil again") from error
    if match is None:
        raise InfrastructureError(f"{path} does not name Talos's machinery", hint="install hil again")
    return match[1]


def source_digest(folder: Path) -> str:
    """The SHA-256 of all files of a module that go into its programs: each path and each byte, tests left out."""
    digest = hashlib.sha256()
    for path in sorted(_sources(folder)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        is_test = path.name.endswith("_test.go") or "testdata" in path.relative_to(folder).parts
        if path.is_file() and not is_test and path.suffix != ".md":
            yield path


def _key(program: Program) -> str:
    text = f"{source_digest(module())} {program.entry} {' '.join(_FLAGS)}"
    return hashlib.sha256(text.encode()).hexdigest()


def obtain(program: Program, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """A program, built if it is not in the cache.

    Raises:
        InfrastructureError: there is no Go to be had, or the build failed; the message has Go's own words.
    """
    if (found := built(program, cache)) is not None:
        return found
    with cache.making(program.entry, deadline):
        key = _key(program)
        if (found := cache.file(program.entry, key)) is not None:
            return found
        go = go_for(module(), cache, progress=progress, deadline=deadline)
        progress(Step(f"building {program.name} for {program.architecture} with Go {dotted(go.version)}"))
        with cache.work() as work:
            made = work / program.name
            done = _compile(program, go, made, cache, deadline)
            if done.code != 0:
                raise InfrastructureError(
                    f"{program.name} of the simulated node could not be built; go said:",
                    hint="see that `go vet ./...` passes in fixtures/node and that Go's module proxy can be reached",
                    evidence=done.last_lines(),
                )
            return cache.put_file(
                program.entry,
                made,
                key=key,
                origin=f"fixtures/node/cmd/{program.name}",
                how=f"built by Go {dotted(go.version)}",
                facts={"version": talos_version(), "go": dotted(go.version)},
            )


def _compile(program: Program, go: Go, made: Path, cache: Cache, deadline: Deadline) -> Finished:
    command: list[str | Path] = [go.path, "build", *_FLAGS, "-o", made, f"./cmd/{program.name}"]
    environment = go_environment(cache, architecture=program.architecture)
    return run(command, deadline=deadline, cwd=module(), env=environment)
