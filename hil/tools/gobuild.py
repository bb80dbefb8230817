"""Builds a service from a Go module of our own that pins it; finds no Go (`hil.tools.gotool` does).

The module's go.sum fixes every byte of source that goes in. What is built is kept under the module's digest,
so a look-up needs no Go; the cache entry records which Go built it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.shipped import shipped
from hil.tools import host
from hil.tools.cache import Cache
from hil.tools.gotool import Go, dotted, go_environment, go_for
from hil.tools.process import Finished, run
from hil.tools.progress import Progress, Step


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
        go = go_for(service.module, cache, progress=progress, deadline=deadline)
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
    return run(command, deadline=deadline, cwd=service.module, env=go_environment(cache))


def _key(service: Service) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((service.module / name).read_bytes() + b"\0")
    digest.update(f"{service.package} {service.version} {service.stamp} {host.machine()}".encode())
    return digest.hexdigest()
