"""A person's own Talos assets: kernel and initramfs by URL, a configuration of their own, and what to expect of it.

The assets are the simulated node's, which no rig key of this test says: `kind: files` boots whatever is there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.rigs import run_hil, write_rig, write_tree
from support.simnode import make_config

from hil.clock import Deadline
from hil.images import simnode
from hil.images.image import Image
from hil.services.talos_config import MachineConfig
from hil.tools.cache import Cache

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

EXPECT = {"talos": {"version": "v1.13.9", "extensions": {"hello": "0.1.0"}, "services": ["hello"], "hostname": "cm4"}}


@pytest.fixture(scope="module")
def image() -> Image:
    config = simnode.Config.model_validate({"kind": "simnode"})
    return simnode.create(config, name="sim", cache=Cache(), deadline=Deadline.after(1800))


@pytest.fixture
def config(tmp_path: Path) -> MachineConfig:
    return make_config(tmp_path / "lab", hostname="cm4")


@pytest.fixture
def server(tmp_path: Path, image: Image) -> Iterator[str]:
    """Where the assets are fetched from, as a person's own release is."""
    folder = tmp_path / "release"
    folder.mkdir()
    for asset in image.assets:
        (folder / asset.name).symlink_to(asset.path)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_assets_by_url_and_a_configuration_of_their_own(
    tmp_path: Path, image: Image, config: MachineConfig, server: str
) -> None:
    kernel, *initrds = [{"url": f"{server}/{asset.name}", "sha256": asset.sha256} for asset in image.assets]
    rig = {
        "hil": 1,
        "images": {
            "candidate": {
                "kind": "files",
                "kernel": kernel,
                "initrd": initrds,
                "args": list(image.args),
                "machine_config": str(config.config),
                "expect": EXPECT,
            }
        },
        "nodes": {
            "cm4": {
                "kind": "qemu",
                "image": "candidate",
                "boot_within": "240s",
                "talos": {"talosconfig": str(config.talosconfig)},
            }
        },
    }
    done = run_hil("boot", str(write_rig(tmp_path, rig)), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    assert boot["readiness"]["ready"] is True
    names = [condition["name"] for condition in boot["readiness"]["conditions"]]
    assert {"talos.hostname", "talos.version", "talos.extension.hello", "talos.service.ext-hello"} <= set(names)
    assert boot["image"] == "candidate"


def test_a_tree_of_their_own_decides_and_the_rig_says_what_to_expect(
    tmp_path: Path, image: Image, config: MachineConfig
) -> None:
    tree = write_tree(
        tmp_path / "matchbox",
        groups={"lab": {"profile": "talos"}},
        profiles={
            "talos": {
                "generic_id": "controlplane",
                "boot": {
                    "kernel": f"/assets/{image.kernel.name}",
                    "initrd": [f"/assets/{asset.name}" for asset in image.initrds],
                    "args": [*image.args, "talos.config=http://10.0.1.5:8080/generic?mac=${mac:hexhyp}"],
                },
            }
        },
        assets={asset.name: asset.path for asset in image.assets},
    )
    (tree / "generic").mkdir()
    (tree / "generic" / "controlplane").write_text(config.config.read_text().replace("{{", '{{"{{"}}'))
    rig = {
        "hil": 1,
        "segment": {"kind": "user", "subnet": "10.0.1.0/24", "bench": "10.0.1.5:8080"},
        "matchbox": {"data": str(tree)},
        "nodes": {
            "rack1": {
                "kind": "qemu",
                "boot_within": "240s",
                "expect": EXPECT,
                "talos": {"talosconfig": str(config.reader_talosconfig)},
            }
        },
    }
    done = run_hil("boot", str(write_rig(tmp_path, rig)), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    found = {condition["name"]: condition["observed"] for condition in boot["readiness"]["conditions"]}
    assert found["talos.api"] == "answers as os:reader"
    assert json.dumps(boot).count("BEGIN") == 0
