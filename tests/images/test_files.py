"""Images of files: what a rig may write, and what is said when a file is not what it should be."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path

import pytest
from pydantic import ValidationError

from hil.clock import Deadline
from hil.errors import ConfigError, NodeError
from hil.images.files import Config, create
from hil.images.image import Image
from hil.tools.cache import Cache


def kernel_bytes(machine: int = 0xAA64) -> bytes:
    head = bytearray(256)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 60, 64)
    struct.pack_into("<4sHH12xH", head, 64, b"PE\0\0", machine, 0, 160)
    return bytes(head)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vmlinuz").write_bytes(kernel_bytes())
    (tmp_path / "initrd").write_bytes(b"initrd")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/initrd").write_bytes(b"second")
    return tmp_path


def config(folder: Path, **changes: object) -> Config:
    values: dict[str, object] = {
        "kind": "files",
        "kernel": str(folder / "vmlinuz"),
        "initrd": str(folder / "initrd"),
        "ready": {"console": "login: "},
    }
    return Config.model_validate({**values, **changes})


def made(folder: Path, check: bool = True, **changes: object) -> Image:
    return create(
        config(folder, **changes), name="mine", cache=Cache(folder / "cache"), deadline=Deadline.after(5), check=check
    )


def refusal(folder: Path, **changes: object) -> str:
    with pytest.raises(ValidationError) as caught:
        config(folder, **changes)
    return str(caught.value)


def test_paths_become_assets_with_digests(folder: Path) -> None:
    image = made(folder, args=("console=ttyAMA0",))
    assert (image.name, image.kind, image.args) == ("mine", "files", ("console=ttyAMA0",))
    assert image.kernel.path == folder / "vmlinuz"
    assert image.kernel.sha256 == hashlib.sha256(kernel_bytes()).hexdigest()
    assert [asset.origin for asset in image.assets] == [str(folder / "vmlinuz"), str(folder / "initrd")]
    assert image.initrds[0].size == 6
    assert image.ready.console == re.compile(b"login: ")
    assert image.ready.http is None
    assert image.userspace.search(b"[    1.7] Run /init as init process")


def test_two_files_of_one_name_get_names_of_their_own(folder: Path) -> None:
    image = made(folder, initrd=(str(folder / "initrd"), {"path": str(folder / "more/initrd")}))
    assert [asset.name for asset in image.assets] == ["vmlinuz", "initrd", "2-initrd"]


def test_http_readiness(folder: Path) -> None:
    image = made(folder, ready={"http": {"port": 50000, "path": "/x", "body": "^ok$"}})
    assert image.ready.console is None
    assert image.ready.http is not None
    assert (image.ready.http.port, image.ready.http.path) == (50000, "/x")
    assert image.ready.http.body == re.compile(b"^ok$")


@pytest.mark.parametrize(
    ("changes", "at", "message"),
    [
        ({"ready": None}, (), "nothing says when a boot of this image is at its end"),
        ({"expect": {"talos": {}}}, ("ready",), "a boot of this image is at its end when what it expects holds"),
    ],
)
def test_one_thing_says_when_a_boot_is_at_its_end(
    folder: Path, changes: dict[str, object], at: tuple[str, ...], message: str
) -> None:
    assert [(fault.at, fault.message) for fault in config(folder, **changes).faults()] == [(at, message)]


def test_an_image_that_says_what_to_expect_needs_no_other_sign(folder: Path) -> None:
    wanted = {"talos": {"version": "v1.13.9", "extensions": {"tailscale": "1.102.2"}, "services": ("tailscale",)}}
    assert list(config(folder, ready=None, expect=wanted).faults()) == []
    image = made(folder, ready=None, expect=wanted)
    assert (image.ready.console, image.ready.http) == (None, None)
    assert image.expect is not None
    assert image.expect.talos is not None
    assert image.expect.talos.extensions == {"tailscale": "1.102.2"}


def test_url_comes_from_the_cache_under_its_digest(folder: Path) -> None:
    cache = Cache(folder / "cache")
    digest = hashlib.sha256(kernel_bytes()).hexdigest()
    with cache.work() as work:
        (work / "x").write_bytes(kernel_bytes())
        cache.put_file(f"url-{digest[:32]}", work / "x", key=digest, origin="x", how="x")
    url = "https://user:secret@images.example/v1/kernel%20arm64?token=secret"
    image = made(folder, kernel={"url": url, "sha256": digest})
    assert image.kernel.name == "kernel arm64"
    assert image.kernel.sha256 == digest
    assert image.kernel.origin == "https://images.example/v1/kernel%20arm64"


def test_missing_file_is_refused_in_the_rig(folder: Path) -> None:
    assert f"there is no file {folder}/none" in refusal(folder, kernel=str(folder / "none"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": {"url": "https://h.example/k"}}, "a url needs its sha256"),
        ({"kernel": {"url": "ftp://h.example/k", "sha256": "0" * 64}}, "is not the URL of a file"),
        ({"kernel": {"sha256": "0" * 64}}, "a file has either a path or a url"),
        ({"ready": {}}, "ready: names nothing to wait for"),
        ({"ready": {"console": "("}}, "'(' is no regular expression"),
        ({"userspace": "[z-a]"}, "'[z-a]' is no regular expression"),
        ({"ready": {"http": {"port": 0}}}, "greater than or equal to 1"),
    ],
)
def test_what_a_rig_may_not_write(folder: Path, changes: dict[str, object], message: str) -> None:
    assert message in refusal(folder, **changes)


def test_another_digest_names_both(folder: Path) -> None:
    found = hashlib.sha256(b"initrd").hexdigest()
    with pytest.raises(ConfigError) as caught:
        made(folder, initrd={"path": str(folder / "initrd"), "sha256": "0" * 64})
    assert caught.value.problems[0].message == (f"the initrd has the sha256 {found}, and the rig file says {'0' * 64}")


def test_file_that_went_away_after_the_rig_was_read(folder: Path) -> None:
    read = config(folder)
    (folder / "initrd").unlink()
    with pytest.raises(ConfigError, match="the initrd cannot be read: No such file"):
        create(read, name="mine", cache=Cache(folder / "cache"), deadline=Deadline.after(5))


def test_kernel_of_another_machine_is_refused_unless_asked_for(folder: Path) -> None:
    (folder / "vmlinuz").write_bytes(kernel_bytes(0x8664))
    with pytest.raises(NodeError, match="is for x86_64, and this machine is arm64"):
        made(folder)
    assert made(folder, check=False).kernel.path == folder / "vmlinuz"
