"""What the layer of the extension `tailscale` brings, and how its service is run; with stand-ins for the programs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hil.clock import Deadline
from hil.images import tailscale_layer
from hil.images.contents import Contents
from hil.images.extensions import SHIPPED
from hil.tools import gobuild
from hil.tools.cache import Cache
from hil.tools.progress import quiet

ROOT = "usr/local/lib/containers/tailscale/usr/local/bin"


@pytest.fixture
def contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contents:
    """Programs that need no Go; each is named by what is in it."""

    def build(service: gobuild.Service, cache: Cache, **_: object) -> Path:
        path = tmp_path / service.name
        path.write_text(service.entry)
        return path

    monkeypatch.setattr(gobuild, "build", build)
    return tailscale_layer.contents(Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(5))


def test_it_has_the_programs_of_the_machine_and_the_tool_as_a_link(contents: Contents, tmp_path: Path) -> None:
    found = {entry.path: (entry.mode, entry.data) for entry in contents.entries()}
    assert found == {
        f"{ROOT}/tailscaled": (stat.S_IFREG | 0o755, b"tailscaled-arm64"),
        f"{ROOT}/containerboot": (stat.S_IFREG | 0o755, b"containerboot-arm64"),
        f"{ROOT}/tailscale": (stat.S_IFLNK | 0o777, b"tailscaled"),
    }
    assert contents.seen == (tmp_path / "tailscaled", tmp_path / "containerboot")


def test_its_manifest_gives_the_version_that_is_built() -> None:
    assert f"v{SHIPPED['tailscale'].version()}" == gobuild.TAILSCALED.version == gobuild.CONTAINERBOOT.version


def test_its_service_starts_as_that_of_taloss_extension() -> None:
    path = SHIPPED["tailscale"].service
    assert path is not None
    service = YAML(typ="safe").load(path.read_text())
    assert service["container"]["entrypoint"] == f"/{ROOT.partition('/tailscale/')[2]}/containerboot"
    assert {"service": "cri"} in service["depends"]
    assert {"configuration": True} in service["depends"]
    assert service["restart"] == "always"
    assert "/etc/ssl/certs" in {mount["destination"] for mount in service["container"]["mounts"]}
