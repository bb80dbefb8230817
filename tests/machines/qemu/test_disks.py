"""A guest's disks: what a rig file says of them, what Linux calls them, and the files behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rigs import write_rig

from hil.config.rig import load_rig
from hil.errors import ConfigError, InfrastructureError
from hil.machines.qemu import Config
from hil.machines.qemu.disks import DEFAULT_SIZE, AttachedDisk, device_names, make_missing


def loaded(tmp_path: Path, disks: object) -> Config:
    node = {"kind": "qemu", "image": "p", "disks": disks}
    file = write_rig(tmp_path, {"hil": 1, "images": {"p": {"kind": "probe"}}, "nodes": {"n": node}})
    config = load_rig(file, cwd=tmp_path).nodes["n"]
    assert isinstance(config, Config)
    return config


@pytest.mark.parametrize(
    ("written", "disks", "devices"),
    [
        ("mmc", [("mmc", DEFAULT_SIZE)], ("/dev/mmcblk0",)),
        (["nvme"], [("nvme", DEFAULT_SIZE)], ("/dev/nvme0n1",)),
        ({"bus": "virtio", "size": "10GiB"}, [("virtio", 10 << 30)], ("/dev/vda",)),
        (
            ["virtio", "mmc", "virtio", {"bus": "nvme", "size": "3MiB"}],
            [("virtio", DEFAULT_SIZE), ("mmc", DEFAULT_SIZE), ("virtio", DEFAULT_SIZE), ("nvme", 3 << 20)],
            ("/dev/vda", "/dev/mmcblk0", "/dev/vdb", "/dev/nvme0n1"),
        ),
        ([], [], ()),
    ],
)
def test_disks_are_written_short_or_with_their_size(
    tmp_path: Path, written: object, disks: list[tuple[str, int]], devices: tuple[str, ...]
) -> None:
    config = loaded(tmp_path, written)
    assert [(disk.bus, disk.size) for disk in config.disks] == disks
    assert config.devices() == devices


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("scsi", "expected 'mmc', 'nvme' or 'virtio'"),
        (["nvme", "mmc", "mmc"], "one mmc disk at most"),
        ({"bus": "mmc", "size": "10GiB"}, "write 16GiB"),
        ({"size": "1GiB"}, "the key 'bus' is missing"),
        ({"bus": "nvme", "size": "0B"}, "size"),
        (["nvme"] * 9, "8"),
    ],
)
def test_disks_that_no_guest_has(tmp_path: Path, written: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, written)
    assert said in caught.value.message


def test_the_names_count_by_bus() -> None:
    assert device_names(["nvme", "nvme", "virtio"]) == ("/dev/nvme0n1", "/dev/nvme1n1", "/dev/vda")


def test_a_disk_is_a_hole_and_is_made_once(tmp_path: Path) -> None:
    disk = AttachedDisk("nvme", 1 << 40, tmp_path / "disk.raw")
    make_missing([disk])
    found = disk.file.stat()
    assert (found.st_size, found.st_blocks) == (1 << 40, 0)
    disk.file.write_bytes(b"what Talos installed")
    make_missing([disk])
    assert disk.file.read_bytes() == b"what Talos installed"


def test_no_place_for_a_disk_is_the_benchs_fault(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be made") as caught:
        make_missing([AttachedDisk("nvme", 1 << 30, tmp_path / "gone" / "disk.raw")])
    assert "XDG_RUNTIME_DIR" in caught.value.hint
