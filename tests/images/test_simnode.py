"""The simulated node's image: its layers and what is in each, its arguments, what it expects; builds nothing."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path

import pytest
import zstandard
from pydantic import ValidationError
from support import elf
from support.newc import read

from hil.clock import Deadline
from hil.config.expect import Expect, TalosExpect
from hil.config.rig import load_rig
from hil.errors import ConfigError, InfrastructureError
from hil.images import cpio, extensions, hello_layer, simnode
from hil.images.extensions import SHIPPED
from hil.images.image import Image
from hil.images.layers import base_layer, extension_layer
from hil.images.modules import Module
from hil.tools import gobuild, gonode
from hil.tools.cache import Cache

RIG = """\
hil: 1
segment: {kind: user}
images: {simnode: {kind: simnode%s}}
nodes: {node1: {kind: qemu, image: simnode}}
"""
PROGRAM = "usr/local/lib/containers/hello/hello"


def test_the_base_has_the_first_program_and_its_modules_in_order() -> None:
    archive = base_layer(init=b"program", modules=[Module("virtio", b"1"), Module("virtio_net", b"22")])
    found = read(archive)
    assert found["init"] == (stat.S_IFREG | 0o755, b"program", (0, 0))
    assert found["lib/modules/order"][1] == b"virtio\nvirtio_net\n"
    assert found["lib/modules/virtio_net.ko"][1] == b"22"
    assert found["dev/console"] == (stat.S_IFCHR | 0o600, b"", (5, 1))
    assert stat.S_ISDIR(found["var"][0])


def test_an_extension_is_a_layer_of_its_own_that_any_base_can_have() -> None:
    archive = extension_layer(
        "hello", manifest=b"manifest", service=b"service", contents=[cpio.file(PROGRAM, b"program", 0o755)]
    )
    files = {path: (mode, data) for path, (mode, data, _) in read(archive).items() if stat.S_ISREG(mode)}
    assert files == {
        "etc/extensions.d/hello.yaml": (stat.S_IFREG | 0o644, b"manifest"),
        "usr/local/etc/containers/hello.yaml": (stat.S_IFREG | 0o644, b"service"),
        PROGRAM: (stat.S_IFREG | 0o755, b"program"),
    }
    assert len(archive) % 4 == 0, "the kernel looks for the next archive at a multiple of 4"


def test_a_layer_may_have_links_and_no_service() -> None:
    contents = [cpio.link("usr/bin/b", "a"), cpio.folder("usr/bin", 0o700), cpio.file("etc/cri/x.part", b"x")]
    found = read(extension_layer("other", manifest=b"manifest", service=None, contents=contents))
    assert found["usr/bin"][0] == stat.S_IFDIR | 0o700
    assert found["usr/bin/b"][:2] == (stat.S_IFLNK | 0o777, b"a")
    assert set(found) == {
        *("etc", "etc/cri", "etc/cri/x.part", "etc/extensions.d", "etc/extensions.d/other.yaml"),
        *("usr", "usr/bin", "usr/bin/b"),
    }


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel, and programs that need no Go; each is named by what is in it."""
    modules = tmp_path / "modules/6.1.0"
    modules.mkdir(parents=True)
    (modules / "modules.builtin").write_text("kernel/virtio_pci.ko\n")
    (modules / "virtio_net.ko").write_bytes(elf.module("virtio_net"))
    (tmp_path / "kernel").write_bytes(b"kernel")
    monkeypatch.setenv("HIL_KERNEL", str(tmp_path / "kernel"))
    monkeypatch.setenv("HIL_KERNEL_MODULES", str(modules))

    def program(name: str, cache: Cache, **_: object) -> Path:
        path = tmp_path / name
        if not path.exists():
            path.write_text(f"the program {name}")
        return path

    monkeypatch.setattr(simnode, "guest_program", program)
    monkeypatch.setattr(hello_layer, "guest_program", program)
    return tmp_path


def created(bench: Path, **keys: object) -> Image:
    config = simnode.Config.model_validate({"kind": "simnode", **keys})
    return simnode.create(config, name="sim", cache=Cache(bench / "cache"), deadline=Deadline.after(5))


def test_the_image_is_a_base_and_its_extensions(bench: Path) -> None:
    image = created(bench)
    assert [asset.name for asset in image.assets] == ["kernel", "base.cpio.zst", "hello.cpio.zst"]
    for asset in image.assets:
        assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256
    base, hello = (read(zstandard.decompress(asset.path.read_bytes())) for asset in image.initrds)
    assert base["init"][1] == b"the program machined"
    assert hello[PROGRAM][1] == b"the program hello"
    assert hello["etc/extensions.d/hello.yaml"][1] == SHIPPED["hello"].manifest.read_bytes()
    assert [asset.name for asset in created(bench, extensions=()).initrds] == ["base.cpio.zst"]


def test_it_says_that_it_is_simulated_and_what_to_expect_of_it(bench: Path) -> None:
    image = created(bench)
    assert image.simulated == "simulated Talos node"
    assert image.machine_config
    assert image.expect == Expect(
        talos=TalosExpect(stage="running", version="v1.13.9", extensions={"hello": "0.1.0"}, services=("hello",))
    )
    assert image.extension_configs == {"hello": {"HELLO_NAME": "hil"}}
    assert image.ports == (50000,)
    assert created(bench, extensions=()).expect == Expect(talos=TalosExpect(version="v1.13.9"))
    own = Expect(talos=TalosExpect(stage="maintenance"))
    assert created(bench, expect=own).expect == own


def test_one_that_joins_a_tailnet_says_so_and_where_it_answers(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "build", lambda service, cache, **_: bench / "kernel")
    image = created(bench, extensions=("tailscale", "hello"))
    assert image.tailnet
    assert image.ports == (50000, 9002)
    assert [asset.name for asset in image.initrds] == ["base.cpio.zst", "tailscale.cpio.zst", "hello.cpio.zst"]
    assert image.extension_configs["tailscale"]["TS_LOCAL_ADDR_PORT"] == "0.0.0.0:9002"
    assert not created(bench).tailnet


def test_modules_that_an_extension_needs_are_in_the_base_of_its_images_alone(
    bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gobuild, "build", lambda service, cache, **_: bench / "kernel")
    (bench / "modules/6.1.0/tun.ko").write_bytes(elf.module("tun"))
    with_tun = read(zstandard.decompress(created(bench, extensions=("tailscale",)).initrds[0].path.read_bytes()))
    without = read(zstandard.decompress(created(bench).initrds[0].path.read_bytes()))
    assert set(with_tun) - set(without) == {"lib/modules/tun.ko"}
    assert with_tun["lib/modules/order"][1] == b"virtio_net\ntun\n"


def test_without_a_configuration_it_comes_to_rest_in_maintenance(bench: Path) -> None:
    expect = created(bench, machine_config="none").expect
    assert expect == Expect(
        talos=TalosExpect(stage="maintenance", version="v1.13.9", extensions={"hello": "0.1.0"}, services=())
    )


def test_its_arguments_are_taloss_and_those_of_the_rig(bench: Path) -> None:
    plain = created(bench).args
    assert {"slab_nomerge=", "pti=on", "talos.platform=metal", "printk.devkmsg=on", "console=ttyAMA0"} <= set(plain)
    assert not any(arg.startswith("simnode.") for arg in plain)
    other = created(bench, args=("talos.hostname=x",), fault=("panic", "clock-off=48h"), control=True)
    assert other.args == (
        *plain,
        "simnode.fault=panic,clock-off=48h",
        "simnode.control=50999",
        "talos.hostname=x",
    )
    assert other.ports == (50000, 50999)


def test_what_was_made_is_kept_until_a_part_of_it_is_another(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = bench / "cache/trees/0123/6.1.0"
    modules.parent.mkdir(parents=True)
    (bench / "modules/6.1.0").rename(modules)
    monkeypatch.setenv("HIL_KERNEL_MODULES", str(modules))
    first = created(bench)
    times = [asset.path.stat().st_mtime_ns for asset in first.initrds]
    again = created(bench)
    assert again == first
    assert [asset.path.stat().st_mtime_ns for asset in again.initrds] == times
    (bench / "hello").write_text("another hello")
    other = created(bench)
    assert other.initrds[0] == first.initrds[0]
    assert other.initrds[1].sha256 != first.initrds[1].sha256


def test_faults_are_those_of_the_node() -> None:
    source = (gonode.module() / "internal/fault/fault.go").read_text()
    assert tuple(re.findall(r'^\t\w+ Name = "(.+)"$', source, re.MULTILINE)) == simnode.FAULTS


def test_extensions_are_those_that_ship() -> None:
    assert {folder.name for folder in (gonode.module() / "extensions").iterdir()} == set(SHIPPED)
    for name, extension in SHIPPED.items():
        assert extension.name == name
        assert re.fullmatch(r"\d+\.\d+\.\d+", extension.version())


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ("extensions: [helo]", "no extension 'helo' ships", "did you mean 'hello'?"),
        ("extensions: [hello, hello]", "the extension 'hello' is there twice", "name it once"),
        ("fault: [kubelet-unhealty]", "there is no fault 'kubelet-unhealty'", "did you mean 'kubelet-unhealthy'?"),
        ("fault: [panic=1h]", "the fault 'panic' takes no value", "write panic alone"),
        ("fault: [clock-off=1d]", "'1d' is no duration", "write it as Go does: clock-off=48h, clock-off=-1h30m"),
        ("faults: [panic]", "unknown key 'faults'", "did you mean 'fault'?"),
    ],
)
def test_what_a_rig_file_has_wrong_is_said(keys: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG % f", {keys}")
    with pytest.raises(ConfigError) as caught:
        load_rig(tmp_path / "rig.yaml", cwd=tmp_path)
    assert [(problem.message, problem.hint) for problem in caught.value.problems] == [(message, hint)]


@pytest.mark.parametrize("duration", ["48h", "-1h30m", "90s", "1.5h"])
def test_a_clock_is_off_by_a_duration_of_gos(duration: str) -> None:
    assert simnode.Config(kind="simnode", fault=(f"clock-off={duration}",)).fault == (f"clock-off={duration}",)


@pytest.mark.parametrize("duration", ["", "48", "h", "1d", "48h ", "1h-2m"])
def test_anything_else_is_none(duration: str) -> None:
    with pytest.raises(ValidationError):
        simnode.Config(kind="simnode", fault=(f"clock-off={duration}",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metadata: {}", "cannot be read: 'version'"),
        ("- 1", "cannot be read: "),
        ("metadata: {version: 1.0}", "gives no version"),
        ("a: [", "cannot be read: "),
    ],
)
def test_a_manifest_without_a_version(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "extensions/hello").mkdir(parents=True)
    (tmp_path / "extensions/hello/manifest.yaml").write_text(text)
    monkeypatch.setattr(extensions, "module", lambda: tmp_path)
    with pytest.raises(InfrastructureError, match=re.escape(said)):
        SHIPPED["hello"].version()


def test_a_kernel_without_a_network_module_is_refused(bench: Path) -> None:
    (bench / "modules/6.1.0/virtio_net.ko").unlink()
    with pytest.raises(InfrastructureError, match="the kernel module 'virtio_net'"):
        created(bench)
