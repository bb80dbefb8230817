"""Builds a service from a Go module of our own that pins it; finds no Go (`hil.tools.gotool` does).

The module's go.sum fixes every byte of source that goes in. What is built is kept under the module's digest,
so a look-up needs no Go; the cache entry records which Go built it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
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
        name: of its program.
        version: the pinned version, as "v0.11.0".
        package: the Go package of the program.
        stamps: what `-ldflags -X` sets, each as "VARIABLE=VALUE"; most programs know their version only by it.
        tags: build tags.
        folder: the name of its module's folder; "" where that is the program's name.
        group: the folder of fixtures/ that its module is in.
        architecture: the Linux machine that it is for, as GOARCH names it; "" for this one.
        takes: how long it takes to build from nothing on two cores, in words for a person who waits.
    """

    name: str
    version: str
    package: str
    stamps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    folder: str = ""
    group: str = "services"
    architecture: str = ""
    takes: str = "half a minute"

    @property
    def module(self) -> Path:
        """The folder of the module that pins it."""
        return shipped("fixtures") / self.group / (self.folder or self.name)

    @property
    def entry(self) -> str:
        """Its name in the cache."""
        return f"{self.name}-{self.architecture}" if self.architecture else self.name

    def for_machine(self, architecture: str) -> Service:
        """The same program for another machine.

        Args:
            architecture: as GOARCH names it: "arm64" or "amd64".
        """
        return replace(self, architecture=architecture)


MATCHBOX = Service(
    name="matchbox",
    version="v0.11.0",
    package="github.com/poseidon/matchbox/cmd/matchbox",
    stamps=("github.com/poseidon/matchbox/matchbox/version.Version=v0.11.0",),
)

# It reads its version from Go's own build information (hscontrol/types/version.go), so it needs no stamp.
HEADSCALE = Service(
    name="headscale",
    version="v0.29.2",
    package="github.com/juanfont/headscale/cmd/headscale",
    takes="four to five minutes",
)

# What upstream lets a build leave out (feature/featuretags) and no node of a bench has a use for. Without it the
# program is half as large, which a guest pays for at each boot, and built in a third of the time.
_UNUSED = (
    "ace acme appconnectors aws bird capture captiveportal cliconndiag clientupdate cloud colorable completion"
    " completion_scripts conn25 dbus debugeventbus debugportmapper desktop_sessions doctor drive flashappliance"
    " identityfederation kube linuxdnsfight netlog networkmanager portlist portmapper posture qrcodes relayserver"
    " remoteconfig resolved routecheck serviceclientprefs ssh synology syslog syspolicy systray taildrop tailnetlock"
    " tap tpm wakeonlan webbrowser webclient"
)

# The stamps are those of upstream's build_dist.sh; ts_include_cli makes the program `tailscale` too, where its name
# or TS_BE_CLI says so (cmd/tailscaled/tailscaled.go).
TAILSCALED = Service(
    name="tailscaled",
    version="v1.102.3",
    package="tailscale.com/cmd/tailscaled",
    stamps=("tailscale.com/version.longStamp=1.102.3", "tailscale.com/version.shortStamp=1.102.3"),
    tags=("ts_include_cli", *(f"ts_omit_{feature}" for feature in _UNUSED.split())),
    folder="tailscale",
    takes="one to two minutes",
)

# It does not build without certificates by ACME (kube/localclient), and little of it is what could be left out.
CONTAINERBOOT = replace(
    TAILSCALED, name="containerboot", package="tailscale.com/cmd/containerboot", tags=(), takes="a minute"
)


def built(service: Service, cache: Cache) -> Path | None:
    """The program from the cache, if it was built from this very module."""
    tree = cache.tree(service.entry, _key(service))
    return None if tree is None else tree / service.name


def build(service: Service, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """The program from the cache, built if it is not there.

    Raises:
        InfrastructureError: there is no Go to be had, or the build failed; the message has Go's own words.
    """
    with cache.making(service.entry, deadline):
        if (found := built(service, cache)) is not None:
            return found
        go = go_for(service.module, cache, progress=progress, deadline=deadline)
        what = f"{service.name} {service.version}" + (f" for {service.architecture}" * bool(service.architecture))
        progress(Step(f"building {what} with Go {dotted(go.version)} ({service.takes})"))
        with cache.work() as work:
            folder = work / service.name
            folder.mkdir()
            done = _compile(service, go, folder / service.name, cache, deadline)
            if done.code != 0:
                raise InfrastructureError(
                    f"{what} could not be built; go said:",
                    hint="see that the Go module proxy can be reached (`go env GOPROXY`), then try again",
                    evidence=done.last_lines(),
                )
            cache.put_tree(
                service.entry,
                folder,
                key=_key(service),
                origin=f"{service.package} {service.version}",
                how=f"built by Go {dotted(go.version)} from fixtures/{service.group}/{service.module.name}",
                watch=[service.name],
                facts={"version": service.version, "go": dotted(go.version)},
            )
    path = built(service, cache)
    if path is None:
        raise InfrastructureError(
            f"{what} was built and is gone from the cache again", hint="see what empties the cache"
        )
    return path


def _compile(service: Service, go: Go, program: Path, cache: Cache, deadline: Deadline) -> Finished:
    command: list[str | Path] = [go.path, "build", *_flags(service), "-o", program, service.package]
    environment = go_environment(cache, architecture=service.architecture)
    return run(command, deadline=deadline, cwd=service.module, env=environment)


def _flags(service: Service) -> tuple[str, ...]:
    linker = ["-s -w", *(f"-X {stamp}" for stamp in service.stamps)]
    tags = (f"-tags={','.join(service.tags)}",) if service.tags else ()
    return ("-trimpath", "-buildvcs=false", *tags, "-ldflags", " ".join(linker))


def _key(service: Service) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((service.module / name).read_bytes() + b"\0")
    digest.update(f"{service.package} {service.version} {' '.join(_flags(service))} {host.machine()}".encode())
    return digest.hexdigest()
