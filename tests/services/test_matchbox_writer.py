"""The data directory that hil writes for Matchbox, read back by its reader."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hil.config.matchbox import MatchboxConfig
from hil.errors import ConfigError, InfrastructureError
from hil.images.image import Asset, Image, Ready, sha256_of
from hil.services.matchbox.assets import Assets
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.writer import assign, publish, write_tree

MAC = "52:54:00:12:34:56"


def image(folder: Path, name: str = "mine", kernel: str = "vmlinuz") -> Image:
    folder.mkdir(exist_ok=True)
    assets = []
    for file in (kernel, "initrd a"):
        (folder / file).write_text(f"{name} {file}")
        assets.append(Asset(file, folder / file, sha256_of(folder / file), "here"))
    return Image(name, "files", assets[0], tuple(assets[1:]), ("a=1", "b"), Ready(), re.compile(b""))


def test_a_node_is_assigned_its_image_and_then_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_tree(data, MatchboxConfig())
    assert read_tree(data).groups == {}
    for name in ("first", "second"):
        assign(data, node="node1", mac=MAC, image=image(tmp_path / name, name))
        tree = read_tree(data)
        group = tree.select({"mac": MAC})
        assert group is not None
        assert (group.id, group.profile) == ("node1", name)
        profile = tree.profiles[name]
        assert profile.kernel == f"/assets/{name}/vmlinuz"
        assert profile.initrd == (f"/assets/{name}/initrd%20a",)
        assert profile.args == ("a=1", "b")
        assert (data / "assets" / name / "initrd a").read_text() == f"{name} initrd a"
    assert tree.select({"mac": "52:54:00:00:00:01"}) is None
    assert not list(data.rglob("*.new"))


def test_a_machine_configuration_is_the_groups_own(tmp_path: Path) -> None:
    data, config = tmp_path / "data", 'version: v1alpha1\nnote: "{{ to the letter }}"\n---\nkind: x\n'
    write_tree(data, MatchboxConfig())
    assign(data, node="node1", mac=MAC, image=image(tmp_path / "i"), machine_config=config)
    profile = json.loads((data / "profiles/mine.json").read_text())
    group = json.loads((data / "groups/node1.json").read_text())
    assert (data / "generic" / profile["generic_id"]).read_text() == "{{.machine_config}}"
    assert group["metadata"] == {"machine_config": config}
    assign(data, node="node1", mac=MAC, image=image(tmp_path / "i"))
    assert "generic_id" not in json.loads((data / "profiles/mine.json").read_text())
    assert json.loads((data / "groups/node1.json").read_text())["metadata"] == {}


def test_an_image_whose_file_moved_is_served_from_its_new_place(tmp_path: Path) -> None:
    write_tree(tmp_path / "data", MatchboxConfig())
    for place in ("old", "new"):
        publish(tmp_path / "data", image(tmp_path / place))
        (tmp_path / place / "vmlinuz").write_text(place)
    assert (tmp_path / "data/assets/mine/vmlinuz").read_text() == "new"


def test_typed_groups_profiles_and_templates_are_written(tmp_path: Path) -> None:
    config = MatchboxConfig.model_validate(
        {
            "groups": ({"id": "g", "profile": "p", "selector": {"mac": MAC}, "metadata": {"a": [1, {"b": None}]}},),
            "profiles": ({"id": "p", "boot": {"kernel": "/assets/k", "args": ("x",)}, "generic_id": "t.yaml"},),
            "generic": {"t.yaml": "hostname: {{.mac}}\n"},
        }
    )
    write_tree(tmp_path, config)
    tree = read_tree(tmp_path)
    assert tree.groups["g"].selector == {"mac": MAC}
    assert tree.profiles["p"].kernel == "/assets/k"
    assert json.loads((tmp_path / "groups/g.json").read_text())["metadata"] == {"a": [1, {"b": None}]}
    assert json.loads((tmp_path / "profiles/p.json").read_text())["generic_id"] == "t.yaml"
    assert (tmp_path / "generic/t.yaml").read_text() == "hostname: {{.mac}}\n"


def test_assets_of_the_user_are_beside_the_images(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    (assets / "talos").mkdir(parents=True)
    (assets / "talos/vmlinuz").write_text("talos")
    write_tree(tmp_path / "data", MatchboxConfig(), Assets(assets))
    publish(tmp_path / "data", image(tmp_path / "files"))
    assert (tmp_path / "data/assets/talos/vmlinuz").read_text() == "talos"
    assert (tmp_path / "data/assets/mine/vmlinuz").read_text() == "mine vmlinuz"
    with pytest.raises(ConfigError) as caught:
        publish(tmp_path / "data", image(tmp_path / "files", "talos"))
    assert caught.value.problems[0].render() == f"{assets}/talos: has the name of the image 'talos' of this rig"
    assert (assets / "talos/vmlinuz").read_text() == "talos"


def test_a_place_that_cannot_be_written_is_a_broken_bench(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InfrastructureError, match="data cannot be written"):
        write_tree(tmp_path / "data", MatchboxConfig())
    for act in (
        lambda: publish(tmp_path / "data", image(tmp_path / "files")),
        lambda: assign(tmp_path / "data", node="n", mac=MAC, image=image(tmp_path / "files")),
    ):
        with pytest.raises(InfrastructureError, match="data cannot be written"):
            act()
