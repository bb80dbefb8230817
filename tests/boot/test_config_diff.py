"""What a bench's real Matchbox serves to a simulated node against what that has applied, over change and reboot."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rigs import write_rig

from hil.bench import open_bench
from hil.config.rig import load_rig

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

WITHIN = 600
RIG = {
    "hil": 1,
    "images": {"simnode": {"kind": "simnode"}},
    "nodes": {"node1": {"kind": "qemu", "image": "simnode", "memory": "512MiB", "boot_within": f"{WITHIN}s"}},
}
CHANGES = {"hostname: node1": "hostname: node2", "HELLO_NAME=hil": "HELLO_NAME=canary"}


def test_a_configuration_for_another_node_is_seen_before_it_is_applied_and_after(tmp_path: Path) -> None:
    with open_bench(load_rig(write_rig(tmp_path, RIG), cwd=tmp_path), artifacts=tmp_path / "artifacts") as bench:
        node = bench.nodes["node1"]
        ready = node.talos.ready(within=WITHIN)
        assert ready
        assert ready["talos.hostname"].expected == "node1"
        same = node.talos.config_diff()
        assert not same, str(same)

        group = bench.keeper.directory / "matchbox" / "groups" / "node1.json"
        text = group.read_text()
        for old, new in CHANGES.items():
            assert old in text
            text = text.replace(old, new)
        group.write_text(text)
        changed = node.talos.config_diff()
        assert "canary" not in str(changed)
        assert [line for line in changed.lines[2:] if line[0] in "-+"] == [
            "-ExtensionServiceConfig(hello)/environment[]: HELLO_NAME=(secret)",
            "+ExtensionServiceConfig(hello)/environment[]: HELLO_NAME=(secret, another than served)",
            "-HostnameConfig/hostname: node2",
            "+HostnameConfig/hostname: node1",
        ]

        node.talos.reboot(within=WITHIN)
        assert node.talos.ready(within=WITHIN, hostname="node2")
        assert node.talos.config_diff().same
        other = node.talos.ready(within=20)
        assert [condition.name for condition in other.lacking] == ["talos.hostname"], other.table()
        assert other["talos.hostname"].observed == "node2: a configuration of another node?"
        written = "".join(
            file.read_text(errors="replace") for file in bench.folder.rglob("*") if file.suffix == ".json"
        )
        assert "another node?" in written
