"""What a bench needs, as a table: each tool, what it is for, whether it is here, and how to get it.

`hil doctor` shows this and, with --fix, gets what is missing. The finding and getting itself is in
`hil.tools.programs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hil.clock import Deadline
from hil.errors import HilError, InfrastructureError
from hil.tools import dnsmasq, gobuild, gonode, gotool, host, packages, programs, wasmtime
from hil.tools.cache import Cache
from hil.tools.progress import Progress, Step, quiet

_ASK_WITHIN = 30.0
_SERVICES = (gobuild.MATCHBOX, gobuild.HEADSCALE, gobuild.TAILSCALED)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a tool is, and which version; "" for what is not known."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that a bench needs.

    Args:
        name: as in the table.
        what_for: a short phrase.
        needed: which version, for a person.
        find: finds it, and gets it first when the first argument is true; raises InfrastructureError.
        package: the system package that has it on Debian and Ubuntu; "" for what goes into the cache.
        variables: the environment variables that name another one.
        required: whether a bench cannot do without it.
        gettable: whether --fix is to get it by itself.
    """

    name: str
    what_for: str
    needed: str
    find: Callable[[bool, Progress], Found]
    package: str = ""
    variables: tuple[str, ...] = ()
    required: bool = True
    gettable: bool = True

    @property
    def how(self) -> str:
        """How to get it, for a person."""
        return host.install_command([self.package]) if self.package else "hil doctor --fix"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one tool: `found`, or else `problem` says why not."""

    tool: Tool
    found: Found | None
    problem: str = ""

    @property
    def lacking(self) -> bool:
        """Whether a bench cannot open because of this."""
        return self.found is None and self.tool.required


def tools() -> list[Tool]:
    """The table, in the order of a boot."""
    version = gobuild.MATCHBOX.version
    return [
        Tool("qemu", "runs the ARM64 guest", ">= 7.2", _qemu, "qemu-system-arm", ("HIL_QEMU",)),
        Tool(
            "edk2",
            "the guest's UEFI firmware",
            "any",
            _edk2,
            "qemu-efi-aarch64",
            ("HIL_EDK2_CODE", "HIL_EDK2_VARS"),
        ),
        Tool("unshare", "isolates a bench's processes", "any", _unshare, "util-linux"),
        Tool("ipxe", "what the firmware loads by PXE", "with arm64", _ipxe, "", ("HIL_IPXE",)),
        Tool("dnsmasq", "serves a `bridge` segment", ">= 2.85", _dnsmasq, dnsmasq.PACKAGE, required=False),
        Tool("matchbox", "says what each machine boots", version, _matchbox, "", ("HIL_MATCHBOX",)),
        Tool("headscale", "a tailnet's control server", gobuild.HEADSCALE.version, _headscale, required=False),
        Tool("tailscaled", "pings nodes in a tailnet", gobuild.TAILSCALED.version, _tailscaled, required=False),
        Tool("kernel", "the probe image's Linux", "any", _kernel, "", ("HIL_KERNEL", "HIL_KERNEL_MODULES")),
        Tool("busybox", "the probe image's userspace", "any", _busybox, "", ("HIL_BUSYBOX",)),
        Tool("simnode", "the simulated Talos node", _talos(), _simnode),
        Tool("tailscale", "joins a tailnet on simnode", gobuild.TAILSCALED.version, _tailscale, required=False),
        Tool("wasmtime", "runs WebAssembly on simnode", wasmtime.WHEEL.version, _wasmtime, required=False),
        Tool("go", "builds services and simnode", _needed_go(), _go, "", ("HIL_GO",), required=False, gettable=False),
        Tool("debian-installer", "someone else's image, for a test", "any", _installer, required=False),
    ]


def look(table: Sequence[Tool]) -> list[Finding]:
    """Find each tool; nothing is fetched or changed."""
    return [_attempt(tool, ensure=False, progress=quiet) for tool in table]


def get(table: Sequence[Tool], *, progress: Progress) -> list[Finding]:
    """Get each tool that is missing, all system packages in one go, and say what is there then."""
    todo = [finding.tool for finding in look(table) if finding.found is None and finding.tool.gettable]
    refused = _install_packages([tool.package for tool in todo if tool.package], progress)
    got: dict[str, Finding] = {}
    for number, tool in enumerate(todo, start=1):
        if not tool.package:
            prefix = f"[{number}/{len(todo)}] {tool.name}: "
            got[tool.name] = _attempt(tool, ensure=True, progress=_prefixed(progress, prefix))
    findings = []
    for tool in table:
        # What was there may change what is needed: Go is not, once all is built.
        finding = got.get(tool.name) or _attempt(tool, ensure=False, progress=quiet)
        unhelped = refused and tool.package and finding.found is None
        findings.append(replace(finding, problem=refused) if unhelped else finding)
    return findings


def _install_packages(names: Sequence[str], progress: Progress) -> str:
    if not names:
        return ""
    try:
        host.install(names, progress=progress, deadline=Deadline.after(3600))
    except InfrastructureError as error:
        return f"{error.message}; {error.hint}"
    return ""


def _prefixed(progress: Progress, prefix: str) -> Progress:
    def show(step: Step) -> None:
        progress(replace(step, what=prefix + step.what))

    return show


def _attempt(tool: Tool, *, ensure: bool, progress: Progress) -> Finding:
    try:
        return Finding(tool, tool.find(ensure, progress))
    except HilError as error:
        said = "".join(f"; {line}" for line in error.evidence[-2:])
        return Finding(tool, None, f"{error.message}{said}")


def _qemu(ensure: bool, progress: Progress) -> Found:
    found = programs.qemu(ensure=ensure, progress=progress)
    return Found(str(found.path), gotool.dotted(found.version))


def _edk2(ensure: bool, progress: Progress) -> Found:
    found = programs.edk2(ensure=ensure, progress=progress)
    return Found(str(found.code), found.version)


def _unshare(ensure: bool, progress: Progress) -> Found:
    return Found(str(programs.unshare(ensure=ensure, progress=progress)), "")


def _ipxe(ensure: bool, progress: Progress) -> Found:
    return _cached(programs.ipxe(ensure=ensure, progress=progress), packages.IPXE)


def _dnsmasq(ensure: bool, progress: Progress) -> Found:
    found = dnsmasq.find(ensure=ensure, progress=progress)
    return Found(str(found.path), ".".join(map(str, found.version)))


def _matchbox(ensure: bool, progress: Progress) -> Found:
    return _cached(programs.matchbox(ensure=ensure, progress=progress), gobuild.MATCHBOX.name)


def _headscale(ensure: bool, progress: Progress) -> Found:
    return _cached(programs.headscale(ensure=ensure, progress=progress), gobuild.HEADSCALE.entry)


def _tailscaled(ensure: bool, progress: Progress) -> Found:
    return _cached(programs.tailscaled(ensure=ensure, progress=progress), gobuild.TAILSCALED.entry)


def _tailscale(ensure: bool, progress: Progress) -> Found:
    return Found(str(programs.tailscale_arm64(ensure=ensure, progress=progress)), gobuild.TAILSCALED.version)


def _kernel(ensure: bool, progress: Progress) -> Found:
    found = programs.kernel_arm64(ensure=ensure, progress=progress)
    return Found(str(found.image), found.version)


def _busybox(ensure: bool, progress: Progress) -> Found:
    return _cached(programs.busybox_arm64(ensure=ensure, progress=progress), packages.BUSYBOX)


def _installer(ensure: bool, progress: Progress) -> Found:
    found = programs.debian_installer(ensure=ensure, progress=progress)
    return Found(str(found.kernel), found.version)


def _simnode(ensure: bool, progress: Progress) -> Found:
    return Found(str(programs.simulated_node(ensure=ensure, progress=progress)), gonode.talos_version())


def _wasmtime(ensure: bool, progress: Progress) -> Found:
    cache = Cache()
    found = wasmtime.have_runtime(cache)
    if found is None and ensure:
        found = wasmtime.runtime(cache, progress=progress, deadline=Deadline.after(3600))
    if found is None:
        raise programs.missing(f"wasmtime {wasmtime.WHEEL.version} for arm64")
    return Found(str(found.program), wasmtime.WHEEL.version)


def _go(ensure: bool, progress: Progress) -> Found:
    cache = Cache()
    if _is_built(cache):
        return Found("", "not needed: all is built")
    found = gotool.find_go(_choosiest_module(), cache, deadline=Deadline.after(_ASK_WITHIN))
    if found is None:
        raise InfrastructureError("no Go is new enough; one comes as a wheel when something is built", hint="")
    return Found(str(found.path), gotool.dotted(found.version))


def _is_built(cache: Cache) -> bool:
    services = all(gobuild.built(service, cache) is not None for service in _SERVICES)
    return services and all(gonode.built(program, cache) is not None for program in gonode.needed())


def _choosiest_module() -> Path:
    return max(*(service.module for service in _SERVICES), gonode.module(), key=gotool.needed_go)


def _needed_go() -> str:
    try:
        return f">= {gotool.dotted(gotool.needed_go(_choosiest_module()))}"
    except HilError:
        return "?"


def _talos() -> str:
    try:
        return gonode.talos_version()
    except HilError:
        return "?"


def _cached(path: Path, name: str) -> Found:
    """The path, and the version that the cache knows of it, if that is where it comes from."""
    cache = Cache()
    entry = cache.entry(name)
    if entry is None or not path.is_relative_to(cache.root):
        return Found(str(path), "")
    return Found(str(path), entry.facts.get("version", ""))
