"""`hil image`, as a person and as a program meet it."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli.image import command
from hil.errors import ConfigError, NodeError, UsageError

RIG = """\
hil: 1
images:
  mine:
    kind: files
    kernel: vmlinuz
    initrd: initrd
    args: [console=ttyAMA0, quiet]
    ready: {console: "login: "}
  spare: {kind: probe}
nodes:
  node1: {kind: qemu, image: mine}
"""


def kernel(machine: int) -> bytes:
    head = bytearray(256)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 60, 64)
    struct.pack_into("<4sHH12xH", head, 64, b"PE\0\0", machine, 0, 160)
    return bytes(head)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "rig.yaml").write_text(RIG)
    (tmp_path / "vmlinuz").write_bytes(kernel(0xAA64))
    (tmp_path / "initrd").write_bytes(b"initrd")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_list_shows_kinds_and_nodes(folder: Path) -> None:
    assert run("list", "--rig", "rig.yaml").stdout == (
        "mine  kind files  booted by: node1\nspare  kind probe  booted by: no node\n"
    )


def test_list_as_json(folder: Path) -> None:
    document = json.loads(run("list", "--rig", "rig.yaml", "--json").stdout)
    assert next(iter(document)) == "schema"
    assert document == {
        "schema": "hil.image-list/1",
        "rig": "rig",
        "images": [
            {"name": "mine", "kind": "files", "nodes": ["node1"]},
            {"name": "spare", "kind": "probe", "nodes": []},
        ],
    }


def test_rig_without_images_says_so(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "rig.yaml").write_text(
        "hil: 1\nmatchbox: {data: data}\nnodes: {node1: {kind: qemu, ready: {console: up}}}\n"
    )
    assert run("list", "--rig", "rig.yaml").stdout == (
        "rig rig has no images: its machines boot what its Matchbox data says\n"
    )


def test_build_shows_digest_size_place_and_origin(folder: Path) -> None:
    digest = hashlib.sha256(b"initrd").hexdigest()
    lines = run("build", "mine", "--rig", "rig.yaml").stdout.splitlines()
    assert lines[0] == "mine: kind files, arguments: console=ttyAMA0 quiet"
    assert lines[-3:] == [
        f"  initrd: 6 bytes, sha256 {digest}",
        f"    at {folder}/initrd",
        f"    from {folder}/initrd",
    ]


def test_build_as_json(folder: Path) -> None:
    document = json.loads(run("build", "mine", "--rig", "rig.yaml", "--json").stdout)
    assert next(iter(document)) == "schema"
    assert document["schema"] == "hil.image-build/1"
    assert document["args"] == ["console=ttyAMA0", "quiet"]
    assert document["kernel"]["size"] == 256
    assert document["initrds"][0]["path"] == f"{folder}/initrd"


def test_build_of_an_unknown_image_suggests_one(folder: Path) -> None:
    error = run("build", "mien", "--rig", "rig.yaml").exception
    assert isinstance(error, UsageError)
    assert error.message == "rig rig has no image 'mien'"
    assert error.hint == "did you mean 'mine'?"


def test_kernel_that_is_not_there_is_a_problem_of_the_rig(folder: Path) -> None:
    (folder / "vmlinuz").unlink()
    error = run("build", "mine", "--rig", "rig.yaml").exception
    assert isinstance(error, ConfigError)
    assert error.problems[0].render().splitlines()[:3] == [
        f"rig.yaml:5:13: there is no file {folder}/vmlinuz",
        "        kernel: vmlinuz",
        "                ^",
    ]


def test_kernel_of_another_machine_is_a_node_error(folder: Path) -> None:
    (folder / "vmlinuz").write_bytes(kernel(0x8664))
    error = run("build", "mine", "--rig", "rig.yaml").exception
    assert isinstance(error, NodeError)
    assert error.message == f"the kernel {folder}/vmlinuz is for x86_64, and this machine is arm64"
