"""The table of what a bench needs: looking changes nothing, getting asks apt once and says what is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import InfrastructureError
from hil.tools import dnsmasq, gobuild, gonode, gotool, host, inventory, packages, programs, wasmtime
from hil.tools.cache import Cache
from hil.tools.inventory import Found, Tool, get, look
from hil.tools.progress import Progress, Step, quiet


class Host:
    """What is on it; a finder finds that, and gets what the cache can have."""

    def __init__(self, *present: str) -> None:
        self.present = set(present)
        self.unreachable: set[str] = set()
        self.installed: list[list[str]] = []

    def finder(self, name: str, cached: bool) -> Callable[[bool, Progress], Found]:
        def find(ensure: bool, progress: Progress) -> Found:
            if ensure and cached and name not in self.unreachable:
                progress(Step("fetching it"))
                self.present.add(name)
            if name not in self.present:
                raise InfrastructureError(f"no {name}", hint="h", evidence=["its own words"] if ensure else [])
            return Found(f"/{name}", "1")

        return find

    def tool(self, name: str, package: str = "", required: bool = True, gettable: bool = True) -> Tool:
        return Tool(name, "for", "any", self.finder(name, not package), package, (), required, gettable)


def table(here: Host) -> list[Tool]:
    return [
        here.tool("qemu", "qemu-system-arm"),
        here.tool("edk2", "qemu-efi-aarch64"),
        here.tool("ipxe"),
        here.tool("extra", required=False),
        here.tool("go", required=False, gettable=False),
    ]


def test_looking_gets_nothing() -> None:
    findings = look(table(Host("qemu")))
    assert [finding.lacking for finding in findings] == [False, True, True, False, False]
    assert findings[2].problem == "no ipxe"


def test_getting_asks_apt_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Host()

    def install(names: list[str], *, progress: Progress, deadline: object) -> None:
        here.installed.append(list(names))
        here.present.update(["qemu", "edk2"])

    monkeypatch.setattr(host, "install", install)
    steps: list[Step] = []
    findings = get(table(here), progress=steps.append)
    assert [finding.found is not None for finding in findings] == [True, True, True, True, False]
    assert here.installed == [["qemu-system-arm", "qemu-efi-aarch64"]]
    assert [step.what for step in steps] == ["[3/4] ipxe: fetching it", "[4/4] extra: fetching it"]


def test_what_cannot_be_got_says_why_and_the_rest_is_got(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Host("edk2")
    here.unreachable.add("ipxe")

    def install(names: list[str], *, progress: Progress, deadline: object) -> None:
        raise InfrastructureError("these are missing", hint="run: sudo apt-get install x")

    monkeypatch.setattr(host, "install", install)
    findings = {finding.tool.name: finding for finding in get(table(here), progress=quiet)}
    assert findings["qemu"].problem == "these are missing; run: sudo apt-get install x"
    assert findings["ipxe"].problem == "no ipxe; its own words"
    assert findings["extra"].found is not None
    assert [name for name, finding in findings.items() if finding.lacking] == ["qemu", "ipxe"]


def test_nothing_missing_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "install", lambda *a, **k: pytest.fail("apt was asked"))
    assert all(finding.found for finding in get(table(Host("qemu", "edk2", "ipxe", "extra", "go")), progress=quiet))


def test_the_real_table_names_each_tool_once_and_how_to_get_it() -> None:
    tools = inventory.tools()
    assert len({tool.name for tool in tools}) == len(tools)
    hows = {tool.name: tool.how for tool in tools}
    assert hows["qemu"].endswith("apt-get install --yes --no-install-recommends qemu-system-arm")
    assert hows["matchbox"] == "hil doctor --fix"


def test_the_real_table_shows_paths_and_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    cache = Cache()
    with cache.work() as work:
        (work / "made").write_text("")
        cached = cache.put_file(packages.IPXE, work / "made", key="k", origin="", how="", facts={"version": "1.21"})
    answers = {
        "qemu": programs.Qemu(Path("/q"), (7, 2, 22)),
        "edk2": programs.Edk2(Path("/c"), Path("/v"), "2022.11"),
        "unshare": Path("/u"),
        "ipxe": cached,
        "matchbox": Path("/m"),
        "headscale": Path("/h"),
        "tailscaled": Path("/t"),
        "tailscale_arm64": Path("/a"),
        "kernel_arm64": programs.Kernel(Path("/i"), Path("/mod"), "6.1", "o"),
        "busybox_arm64": Path("/b"),
        "simulated_node": Path("/n"),
        "debian_installer": programs.DebianInstaller(Path("/k"), Path("/r"), "2023"),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(programs, name, lambda *, ensure, progress, answer=answer: answer)
    monkeypatch.setattr(dnsmasq, "find", lambda *, ensure, progress: dnsmasq.Dnsmasq(Path("/d"), (2, 90)))
    monkeypatch.setattr(wasmtime, "have_runtime", lambda cache: wasmtime.Runtime(Path("/w"), Path("/l"), Path("/c")))
    monkeypatch.setattr(gotool, "find_go", lambda module, cache, *, deadline: None)
    found = {finding.tool.name: finding.found for finding in look(inventory.tools())}
    assert found == {
        "qemu": Found("/q", "7.2.22"),
        "edk2": Found("/c", "2022.11"),
        "unshare": Found("/u", ""),
        "ipxe": Found(str(cached), "1.21"),
        "dnsmasq": Found("/d", "2.90"),
        "matchbox": Found("/m", ""),
        "headscale": Found("/h", ""),
        "tailscaled": Found("/t", ""),
        "kernel": Found("/i", "6.1"),
        "busybox": Found("/b", ""),
        "simnode": Found("/n", "v1.13.9"),
        "tailscale": Found("/a", gobuild.TAILSCALED.version),
        "wasmtime": Found("/w", "49.0.4"),
        "go": None,
        "debian-installer": Found("/k", "2023"),
    }
    monkeypatch.setattr(gotool, "find_go", lambda module, cache, *, deadline: gotool.Go(Path("/go"), (1, 26, 8)))
    table = inventory.tools()
    (go,) = [tool for tool in table if tool.name == "go"]
    assert go.needed == ">= 1.26.6"
    assert look([go])[0].found == Found("/go", "1.26.8")
    monkeypatch.setattr(gobuild, "built", lambda service, cache: Path("/m"))
    assert look([go])[0].found == Found("/go", "1.26.8")
    monkeypatch.setattr(gonode, "built", lambda program, cache: Path("/n"))
    assert look([go])[0].found == Found("", "not needed: all is built")


def test_wasmtime_is_fetched_when_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    (tool,) = [tool for tool in inventory.tools() if tool.name == "wasmtime"]
    assert look([tool])[0].problem == "wasmtime 49.0.4 for arm64 is not on this bench"
    fetched = wasmtime.Runtime(Path("/w"), Path("/l"), Path("/c"))
    monkeypatch.setattr(wasmtime, "runtime", lambda cache, *, progress, deadline: fetched)
    assert get([tool], progress=quiet)[0].found == Found("/w", "49.0.4")
