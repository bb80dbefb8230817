"""What a real boot's packets say: each conversation of a network boot, and the same moments as the other sources."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from support.rigs import PROBE_RIG, run_hil, write_rig

from hil.images.image import Image
from hil.netboot.ipxe import BOOTFILE

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

AGREE_SECONDS = 1.0
SEEN_BY_ALL = {"pxe", "nbp", "ipxe", "profile", "kernel-fetched", "initrd-fetched"}


def test_a_boot_is_told_by_its_packets(tmp_path: Path, probe_image: Image) -> None:
    done = run_hil("boot", str(write_rig(tmp_path, PROBE_RIG)), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    said = json.loads((tmp_path / boot["folder"] / "packets.json").read_text())
    assert (said["schema"], said["capture"]["complete"]) == ("hil.packets/1", True)

    firmware = [one for one in said["dhcp"] if one["client"] == "firmware"]
    assert [one["message"] for one in firmware] == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert (firmware[0]["client_arch"], firmware[1]["boot_file"], firmware[3]["address"]) == (
        11,
        BOOTFILE,
        "10.0.2.15",
    )
    probe, program, script = said["tftp"]
    assert (probe["file"], probe["outcome"]) == (BOOTFILE, "size-probe")
    assert (program["file"], program["outcome"], program["bytes"]) == (BOOTFILE, "done", probe["size"])
    assert (script["file"], script["outcome"]) == ("autoexec.ipxe", "done")

    chain, profile, *assets = said["http"][:4]
    assert (chain["target"], chain["status"]) == ("/boot.ipxe", 200)
    assert (profile["target"].partition("?")[0], profile["status"]) == ("/ipxe", 200)
    sizes = [asset.path.stat().st_size for asset in probe_image.assets]
    for asked, size in zip(assets, sizes, strict=True):
        assert (asked["status"], asked["length"], asked["bytes"], asked["outcome"]) == (200, size, size, "done")
    _same_moments(boot["timeline"]["marks"])


def _same_moments(marks: list[dict[str, Any]]) -> None:
    """Each stage that several sources saw was at one time, within what each of them may err and a second.

    But for iPXE: the first that it asks for is there before its banner, as much earlier as the machine is slow.
    """
    by_stage: dict[str, dict[bool, dict[str, Any]]] = defaultdict(dict)
    for mark in marks:
        by_stage[mark["stage"]][mark["source"] == "packets"] = mark
    both = {stage: sources for stage, sources in by_stage.items() if len(sources) == 2}
    assert set(both) == SEEN_BY_ALL
    asked, banner = both.pop("ipxe")[True], by_stage["ipxe"][False]
    assert both["nbp"][True]["seconds"] < asked["seconds"] < banner["seconds"] < both["profile"][True]["seconds"]
    for packets, other in ((sources[True], sources[False]) for sources in both.values()):
        allowed = packets["error_seconds"] + other["error_seconds"] + AGREE_SECONDS
        assert abs(packets["seconds"] - other["seconds"]) <= allowed, (packets, other)


def test_a_matchbox_that_has_nothing_is_seen_to_say_so(tmp_path: Path) -> None:
    other = {"id": "other", "profile": "p", "selector": {"mac": "52:54:00:aa:bb:99"}}
    matchbox = {"groups": [other], "profiles": [{"id": "p", "boot": {"kernel": "/assets/kernel"}}]}
    node = {"kind": "qemu", "memory": "512MiB", "boot_within": "240s", "ready": {"console": "login: "}}
    rig = write_rig(tmp_path, {"hil": 1, "matchbox": matchbox, "nodes": {"node1": node}})
    done = run_hil("boot", str(rig), "--json", cwd=tmp_path)
    assert done.code == 1, done.err
    [folder] = (tmp_path / "hil-artifacts").glob("*/node1-boot1")
    answers = {
        asked["target"].partition("?")[0]: (asked["status"], asked["outcome"])
        for asked in json.loads((folder / "packets.json").read_text())["http"]
    }
    assert answers == {"/boot.ipxe": (200, "done"), "/ipxe": (404, "done")}
