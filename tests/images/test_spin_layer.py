"""What the layer of the extension `spin` brings: wasmtime, its libraries where the loader looks, a component."""

from __future__ import annotations

import hashlib
import stat
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.wasm_component import interfaces

from hil.clock import Deadline
from hil.images import spin_layer
from hil.images.contents import Contents
from hil.images.extensions import SHIPPED
from hil.shipped import shipped
from hil.tools import wasmtime
from hil.tools.cache import Cache
from hil.tools.progress import quiet

ROOT = "usr/local/lib/containers/spin"
LIBRARIES = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1")


@pytest.fixture
def contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contents:
    """A layer of stand-ins, each of which holds its own name."""
    folder = tmp_path / "glibc/usr/lib/aarch64-linux-gnu"
    folder.mkdir(parents=True)
    for name in ("ld-linux-aarch64.so.1", *LIBRARIES, "libothers.so.1"):
        (folder / name).write_text(name)
    (tmp_path / "program").write_text("wasmtime")
    (tmp_path / "code").write_text("machine code")
    runtime = wasmtime.Runtime(tmp_path / "program", tmp_path / "glibc", tmp_path / "compiler")

    def compiled(component: Path, compiler: Path, cache: Cache, **_: object) -> Path:
        assert (component, compiler) == (spin_layer.component_file(), tmp_path / "compiler")
        return tmp_path / "code"

    monkeypatch.setattr(wasmtime, "runtime", lambda cache, *, progress, deadline: runtime)
    monkeypatch.setattr(wasmtime, "compiled", compiled)
    return spin_layer.contents(Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(5))


def test_each_file_is_where_the_program_and_its_loader_look(contents: Contents, tmp_path: Path) -> None:
    found = {entry.path: (entry.mode, entry.data) for entry in contents.entries()}
    program = stat.S_IFREG | 0o755
    assert found.pop(f"{ROOT}/component/hello.cwasm") == (stat.S_IFREG | 0o644, b"machine code")
    part = found.pop("etc/cri/conf.d/10-spin.part")
    assert found == {
        f"{ROOT}/bin/wasmtime": (program, b"wasmtime"),
        f"{ROOT}/lib/ld-linux-aarch64.so.1": (program, b"ld-linux-aarch64.so.1"),
        **{f"{ROOT}/lib/aarch64-linux-gnu/{name}": (program, name.encode()) for name in LIBRARIES},
    }
    runtimes = tomllib.loads(part[1].decode())["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]
    assert runtimes == {"spin": {"runtime_type": "io.containerd.spin.v2"}}
    assert contents.seen == (tmp_path / "program", tmp_path / "glibc", tmp_path / "code")


def test_its_service_starts_what_the_layer_has() -> None:
    extension = SHIPPED["spin"]
    assert extension.service is not None
    service = YAML(typ="safe").load(extension.service.read_text())
    container = service["container"]
    assert container["entrypoint"] == "/bin/wasmtime"
    assert container["args"][-1] == "/component/hello.cwasm"
    assert f"--addr=0.0.0.0:{spin_layer.PORT}" in container["args"]
    assert "--env=HIL_TRAP" in container["args"]
    assert extension.ports == (3000,)
    assert extension.version() == "0.1.0"


def test_the_component_is_the_one_that_was_built_and_needs_nothing_but_wasi() -> None:
    component = spin_layer.component_file()
    digest, _, name = (component.parent / "hello.wasm.sha256").read_text().strip().partition("  ")
    assert (hashlib.sha256(component.read_bytes()).hexdigest(), component.name) == (digest, name)
    imports, exports = interfaces(component.read_bytes())
    assert exports == {"wasi:http/incoming-handler@0.2.4"}
    assert "wasi:http/types@0.2.4" in imports
    assert {name.partition(":")[0] for name in imports} == {"wasi"}


def test_every_crate_of_the_component_is_pinned() -> None:
    manifest = tomllib.loads((shipped("fixtures") / "spin/Cargo.toml").read_text())
    versions = {
        name: told if isinstance(told, str) else told["version"] for name, told in manifest["dependencies"].items()
    }
    assert set(versions) == {"wasip2", "bitflags", "wit-bindgen"}
    assert all(version.startswith("=") for version in versions.values())
