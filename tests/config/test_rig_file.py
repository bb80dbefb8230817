"""Rig files that are right: what they mean, where their keys stand, and which kinds they load."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from hil.config import kinds
from hil.config.identity import identity
from hil.config.model import Model
from hil.config.rig import ImageConfig, NodeConfig, Rig, SegmentConfig, load_rig, shipped_rigs
from hil.errors import ConfigError, HilBug, InfrastructureError, UsageError
from hil.shipped import shipped

Load = Callable[..., Rig]

RIG = """\
hil: 1
name: bench-1
description: two stubs
segment: {kind: wire}
matchbox:
  assets: .
images:
  tiny:
    kind: blob
    file: boot/tiny.img
nodes:
  one:
    kind: stub
    image: tiny
    tags:
      - a
      - b
  two: {kind: stub, image: tiny, mac: 52-54-00-AA-BB-CC, memory: 1.5GiB, boot_within: 2min}
"""


def test_values(load: Load, tmp_path: Path) -> None:
    rig = load(RIG)
    assert (rig.name, rig.description, rig.segment.kind) == ("bench-1", "two stubs", "wire")
    assert list(rig.nodes) == ["one", "two"]
    assert rig.nodes["two"].mac == "52:54:00:aa:bb:cc"
    assert rig.nodes["two"].boot_within == 120.0
    assert rig.nodes["two"].model_dump()["memory"] == 3 << 29
    assert rig.images["tiny"].model_dump()["file"] == tmp_path / "boot/tiny.img"
    assert rig.matchbox.assets is not None
    assert rig.matchbox.assets.dir == tmp_path
    assert rig.matchbox.from_images
    assert (rig.file, rig.directory) == (tmp_path / "rig.yaml", tmp_path)


def test_a_rig_is_frozen_and_hides_nothing_in_json(load: Load) -> None:
    node = load(RIG).nodes["two"]
    with pytest.raises(ValueError, match="frozen"):
        node.mac = "52:54:00:00:00:01"
    again = type(node).model_validate_json(node.model_dump_json())
    assert again == node
    assert '"memory":"1536MiB"' in node.model_dump_json()


def test_defaults(load: Load) -> None:
    rig = load(
        "hil: 1\nsegment: {kind: wire}\nmatchbox: {url: 'http://127.0.0.1:8080/'}\n"
        "nodes: {n: {kind: stub, ready: {console: up}}}\n"
    )
    assert (rig.name, rig.description, dict(rig.images)) == ("rig", "", {})
    assert rig.matchbox.url == "http://127.0.0.1:8080"
    assert not rig.matchbox.from_images
    assert rig.nodes["n"].image is None


def test_identity_is_stable_and_distinct(load: Load) -> None:
    first, again = load(RIG), load(RIG)
    one, two = first.nodes["one"], first.nodes["two"]
    assert one == again.nodes["one"]
    assert {one.mac, one.uuid, one.serial}.isdisjoint({two.mac, two.uuid, two.serial})
    assert (one.mac, one.uuid, one.serial) == (
        "52:54:00:9a:68:cf",
        "bd0466b2-2a09-5cfd-a098-8ba3513f8bc3",
        "HIL-C77F217A",
    )


def test_identity_steps_aside_for_what_is_taken() -> None:
    own = identity("rig", "node")
    other = identity("rig", "node", {own.mac, own.serial})
    assert other.mac != own.mac
    assert other.serial != own.serial
    assert identity("rig", "node", {own.mac}).serial == own.serial


def test_a_default_never_meets_a_written_one(load: Load) -> None:
    taken = load(RIG).nodes["one"]
    rig = load(RIG.replace("52-54-00-AA-BB-CC", f"{taken.mac.upper().replace(':', '-')}, serial: {taken.serial}"))
    assert rig.nodes["one"].mac != rig.nodes["two"].mac == taken.mac
    assert rig.nodes["one"].serial != rig.nodes["two"].serial == taken.serial


@pytest.mark.parametrize(
    ("keys", "line", "column"),
    [
        ((), 1, 1),
        (("hil",), 1, 1),
        (("nodes",), 11, 1),
        (("nodes", "one"), 12, 3),
        (("nodes", "one", "tags"), 15, 5),
        (("nodes", "one", "tags", 1), 17, 9),
        (("nodes", "two", "memory"), 18, 58),
        (("nodes", "one", "memory"), 12, 3),
        (("nodes", "one", "tags", 7), 15, 5),
        (("nodes", "three", "mac"), 11, 1),
        (("segment", "kind"), 4, 11),
    ],
)
def test_where(load: Load, keys: tuple[str | int, ...], line: int, column: int) -> None:
    rig = load(RIG)
    where = rig.where(*keys)
    assert (where.line, where.column) == (line, column)
    assert where.text == RIG.splitlines()[line - 1]
    assert str(where) == f"rig.yaml:{line}"


def test_environment(load: Load) -> None:
    text = RIG.replace(
        "two: {kind: stub,",
        "two: {kind: stub, password: !env PASS, cpus: !env CPUS, fast: !env FAST, ports: [1, !env CPUS],",
    )
    rig = load(text, PASS="hunter2", CPUS="4", FAST="true")
    node = rig.nodes["two"].model_dump()
    assert (node["cpus"], node["fast"], node["password"].reveal()) == (4, True, "hunter2")
    assert node["ports"] == (1, 4)
    assert rig.secrets == {"hunter2", "4", "true"}
    for shown in (repr(rig), str(rig.nodes), rig.nodes["two"].model_dump_json()):
        assert "hunter2" not in shown


@pytest.mark.parametrize(
    "where",
    [
        "mac: !env PASS",
        "memory: !env PASS",
        "cpus: !env PASS",
        "image: !env PASS",
        "mode: !env PASS",
        "console: !env PASS",
        "digest: !env PASS",
        "tags: [!env PASS, b, c, d]",
        "kind: !env PASS",
        "!env PASS : 1",
    ],
)
def test_a_wrong_value_from_the_environment_is_not_shown(load: Load, where: str) -> None:
    key = where.split(":")[0]
    node = {"kind": "kind: stub", "image": "image: tiny", key: where}
    text = RIG[: RIG.index("nodes:")] + f"nodes: {{a: {{{', '.join(node.values())}}}}}\n"
    with pytest.raises(ConfigError) as caught:
        load(text, PASS="hunter2, the secret")
    assert "hunter2" not in caught.value.render()
    assert "PASS" in caught.value.render()


def test_a_kind_that_tells_a_value_from_the_environment_is_not_let(load: Load) -> None:
    text = RIG.replace("two: {kind: stub,", "two: {kind: stub, fast: true, cpus: 8, serial: !env PASS,")
    with pytest.raises(ConfigError) as caught:
        load(text, PASS="hunter2")
    assert [problem.message for problem in caught.value.problems] == ["!env PASS cannot be fast with 8 processors"]


def test_matchbox_written_from_types(load: Load) -> None:
    rig = load("""\
hil: 1
segment: {kind: wire}
matchbox:
  groups:
    - {id: all, profile: talos, metadata: {list: [1, {deep: [true]}], text: x}}
    - {id: one, profile: talos, selector: {mac: "52:54:00:00:00:01"}}
  profiles:
    - id: talos
      boot: {kernel: /assets/vmlinuz, initrd: [/assets/initramfs.xz], args: [console=ttyAMA0]}
      generic_id: config
  generic:
    config: |
      machine: {}
nodes:
  n: {kind: stub, ready: {console: up}}
""")
    assert rig.matchbox.groups[0].metadata == {"list": [1, {"deep": [True]}], "text": "x"}
    assert rig.matchbox.profiles[0].boot.initrd == ("/assets/initramfs.xz",)
    assert rig.matchbox.generic == {"config": "machine: {}\n"}
    assert not rig.matchbox.from_images


def test_aliases_are_read(load: Load) -> None:
    rig = load(RIG.replace("  one:\n", "  zero: &n {kind: stub, image: tiny}\n  same: *n\n  one:\n"))
    assert rig.nodes["zero"].mac != rig.nodes["same"].mac


def test_only_the_kinds_of_the_rig_are_imported(load: Load) -> None:
    load(RIG)
    with pytest.raises(ConfigError, match="did you mean 'untouched'"):
        load(RIG.replace("kind: stub", "kind: untuoched", 1))
    assert "hil_stub_untouched" not in sys.modules
    assert "hil_stub_machine" in sys.modules


def test_a_kind_whose_package_is_missing_is_the_bench_s_fault(load: Load) -> None:
    with pytest.raises(InfrastructureError, match=r"the kind 'needy' .* cannot be loaded: .*hil_no_such_package"):
        load(RIG.replace("kind: stub", "kind: needy", 1))


def test_a_kind_without_a_config_is_a_bug(load: Load) -> None:
    with pytest.raises(HilBug, match=r"hil_stub_hollow has no Config\(NodeConfig\)"):
        load(RIG.replace("kind: stub", "kind: hollow", 1))


def test_shipped_rigs_are_right(tmp_path: Path) -> None:
    assert "virt" in shipped_rigs()
    for name, file in shipped_rigs().items():
        rig = load_rig(name, cwd=tmp_path)
        assert (rig.name, rig.file) == (name, file)


def test_a_rig_is_found_by_name_by_text_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "virt").write_text((shipped("rigs") / "virt.yaml").read_text())
    assert load_rig("virt", cwd=tmp_path).file == shipped("rigs") / "virt.yaml"
    assert load_rig("./virt", cwd=tmp_path).file == tmp_path / "virt"
    assert load_rig(Path("virt"), cwd=tmp_path).file == tmp_path / "virt"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("vrit", "there is no shipped rig 'vrit'", "did you mean 'virt'?"),
        ("zzz", "there is no shipped rig 'zzz'", "shipped rigs: board-bench, board-twin, bridge, cm3-bench"),
        ("./none.yaml", "rig file './none.yaml': there is no such file", "`hil rig list`"),
        ("./", "rig file './': that is a directory", "`hil rig list`"),
        ("a\0b/", "rig file 'a\\x00b/': there is no such file", "`hil rig list`"),
        ("x" * 300 + ".yaml", "File name too long", "`hil rig list`"),
    ],
)
def test_no_such_rig(tmp_path: Path, name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_rig(name, cwd=tmp_path)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    if not Path("/proc/self/mem").is_file():
        pytest.skip("needs a file that opens and does not read: /proc/self/mem")
    (tmp_path / "rig.yaml").symlink_to("/proc/self/mem")
    with pytest.raises(InfrastructureError, match=r"cannot read ./rig.yaml: "):
        load_rig("./rig.yaml", cwd=tmp_path)


def test_a_path_too_long_is_a_problem_with_its_place(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"rig.yaml:6:11: the path is too long to name a file"):
        load(RIG.replace("assets: .", "assets: " + "a" * 256))


GROUPS: dict[str, type[Model]] = {
    kinds.MACHINES: NodeConfig,
    kinds.SEGMENTS: SegmentConfig,
    kinds.IMAGES: ImageConfig,
}


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and those inside it."""
    from hil.config.explain import _model_in

    inner = [_model_in(field.annotation) for field in model.model_fields.values()]
    return [model, *(found for item in inner if item is not None for found in models_of(item))]


def shipped_models() -> list[type[BaseModel]]:
    """Every model that a rig of hil's own kinds is made of."""
    from importlib import metadata

    from hil.config.matchbox import MatchboxConfig
    from hil.config.reader import RigFile
    from hil.config.twin import TwinConfig

    found: list[type[BaseModel]] = [RigFile, *models_of(MatchboxConfig), *models_of(TwinConfig)]
    for group, base in GROUPS.items():
        for point in metadata.distribution("hil").entry_points.select(group=group):
            kind = kinds.load(group, point.name, base)
            assert kind is not None
            found += models_of(kind.config)
    return found


def test_every_key_is_described_and_in_the_readme() -> None:
    readme = (shipped("rigs") / "README.md").read_text()
    for model in shipped_models():
        for key, field in model.model_fields.items():
            assert field.description, f"{model.__module__}.{model.__qualname__}.{key} has no description"
            shown = f"`{key}`" in readme or f"{key}:" in readme
            assert shown, f"rigs/README.md does not name {key} of {model.__module__}.{model.__qualname__}"


def test_loading_changes_no_environment(load: Load) -> None:
    before = dict(os.environ)
    load(RIG)
    assert dict(os.environ) == before


def test_a_rig_of_a_running_twin_names_no_twin_though_its_firmware_is_a_stand_in(tmp_path: Path) -> None:
    text = shipped_rigs()["cm4-twin"].read_text()
    for twin, real in (("twin:relay", "/dev/pts/1"), ("twin:plug", "127.0.0.1:4000"), ("twin:uart1", "/dev/pts/2")):
        (tmp_path / "rig.yaml").write_text(text)
        assert load_rig("./rig.yaml", cwd=tmp_path).on_twin
        text = text.replace(twin, real)
    (tmp_path / "rig.yaml").write_text(text)
    assert not load_rig("./rig.yaml", cwd=tmp_path).on_twin


def test_the_bench_and_its_twin_differ_in_device_names_alone() -> None:
    bench, twin = (load_rig(name, cwd=Path.cwd()) for name in ("board-bench", "board-twin"))
    assert (bench.on_twin, twin.on_twin) == (False, True)
    lines = [[line for line in rig.file.read_text().splitlines() if not line.startswith("#")] for rig in (bench, twin)]
    changed = [(real, simulated) for real, simulated in zip(*lines, strict=True) if real != simulated]
    assert [simulated.split()[:2] for _, simulated in changed] == [
        ["nic:", "twin:lan"],
        ["device:", "twin:relay"],
        ["at:", "twin:plug"],
        ["device:", "twin:uart1"],
    ]
    assert [real.split(":")[0] for real, _ in changed] == [simulated.split(":")[0] for _, simulated in changed]
