"""`hil boot` as its user types it, with each way to say what Matchbox serves."""

from __future__ import annotations

import json
import re
import select
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.rigs import PROBE_RIG, assets_of, run_hil, write_rig, write_tree

from hil.bench import open_bench
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.images.image import Image, sha256_of
from hil.keeper.sockets import listening_sockets
from hil.timeline.stages import RPI_STAGES, STAGES
from hil.tools import programs

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

NAMES = [stage.name for stage in STAGES]
NODE = PROBE_RIG["nodes"]["node1"]  # type: ignore[index]
READY = {"console": "hil-probe: ready ip=", "http": {"port": 8080, "path": "/healthz", "body": "ok"}}


def test_a_new_user_sees_the_timeline(tmp_path: Path) -> None:
    done = run_hil("boot", "--image", "probe", cwd=tmp_path)
    assert done.code == 0, done.err
    first, header, *rows, record, page, verdict = done.out.splitlines()
    assert re.fullmatch(r"node1: image probe, machine qemu, accelerator (kvm|tcg) \S+, segment user", first)
    assert re.fullmatch(r"stage +at +took +source +evidence", header)
    assert [row.split()[0] for row in rows if " packets  " not in row] == NAMES
    folder = tmp_path / record.removeprefix("record: ")
    assert page == f"{record.replace('record', 'page')}/boot.html"
    assert "hil-probe: ready ip=10.0.2.15" in (folder / "boot.html").read_text()
    assert (folder / "timeline.txt").read_text().splitlines() == [header, *rows]
    assert re.fullmatch(r"node1 is ready: \d+\.\d\d s from power-on", verdict)
    # Progress on a standard error that is no terminal: the same marks, a line each.
    assert re.findall(r"^node1 \[ *\d+\.\d{3}s\] (\S+)", done.err, re.MULTILINE) == NAMES, done.err
    assert b"hil-probe: ready ip=10.0.2.15" in (folder / "console.log").read_bytes()
    assert b"profile" in (folder.parent / "matchbox.log").read_bytes()


def test_a_program_gets_one_document(tmp_path: Path) -> None:
    rig = write_rig(tmp_path, PROBE_RIG)
    done = run_hil("boot", str(rig), "--json", "--artifacts", "records", cwd=tmp_path)
    assert done.code == 0, done.err
    document = done.document
    assert next(iter(document)) == "schema"
    assert document["schema"] == "hil.boot/1"
    [boot] = document["boots"]  # type: ignore[misc]
    assert (boot["node"], boot["boot"], boot["image"], boot["verdict"]) == ("node1", 1, "probe", "ready")
    assert boot["error"] is None
    assert [mark["stage"] for mark in boot["timeline"]["marks"] if mark["source"] != "packets"] == NAMES
    seconds = [mark["seconds"] for mark in boot["timeline"]["marks"]]
    assert seconds == sorted(seconds)
    assert boot["seconds_to_ready"] == pytest.approx(seconds[-1], abs=1e-5)
    # Each stamp says how far off it may be, and none by more than a try of an HTTP request that came too early.
    assert all(0 <= mark["error_seconds"] < 60 for mark in boot["timeline"]["marks"])
    assert {mark["stage"] for mark in boot["timeline"]["marks"] if mark["error_seconds"] == 0} <= {"power"}
    for asset in boot["assets"]:
        assert re.fullmatch(r"[0-9a-f]{64}", asset["sha256"])
    assert [asset["name"] for asset in boot["assets"]] == ["kernel", "initramfs.cpio"]
    record = json.loads((tmp_path / boot["folder"] / "boot.json").read_text())
    assert record == {"schema": "hil.boot/1", **{key: boot[key] for key in record if key != "schema"}}
    assert Path(boot["folder"]).is_relative_to("records")


def test_a_tree_of_the_users_own_is_served_unchanged(tmp_path: Path, probe_image: Image, each_machine: str) -> None:
    at = "http://10.0.1.5:8080/assets"
    tree = write_tree(
        tmp_path / "tree",
        groups={"lab": {"profile": "mine", "selector": {"serial": "LAB-7"}}, "all": {"profile": "nothing"}},
        profiles={
            "mine": {
                "name": "names its Matchbox by address",
                "boot": {
                    "kernel": f"{at}/kernel",
                    "initrd": [f"{at}/initramfs.cpio"],
                    "args": ["console=ttyAMA0", "tree=${serial}"],
                },
            }
        },
        assets=assets_of(probe_image),
    )
    before = digests(tree)
    rig = write_rig(
        tmp_path,
        {
            "hil": 1,
            "segment": {"kind": "user", "subnet": "10.0.1.0/24", "bench": "10.0.1.5:8080"},
            "matchbox": {"data": "tree"},
            "nodes": {"node1": without_image(serial="LAB-7", ready=READY)},
        },
    )
    done = run_hil("boot", str(rig), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    seen = [mark for mark in boot["timeline"]["marks"] if mark["source"] not in ("packets", "dnsmasq")]
    marks = {mark["stage"]: mark["evidence"] for mark in seen}
    # A module says what it does before its firmware, too.
    assert list(marks) == (NAMES if each_machine == "guest" else [stage.name for stage in RPI_STAGES])
    assert marks["profile"] == "profile 'mine'"
    assert marks["kernel-fetched"].startswith(f"{at}/kernel")
    assert "GET :8080/healthz 200 ok" in marks["ready"]
    assert ("ip=10.0.1.15" if each_machine == "guest" else "ip=10.0.1.11") in console(tmp_path, boot)
    # iPXE filled in what the tree left to it.
    assert "tree=LAB-7" in console(tmp_path, boot)
    assert digests(tree) == before


def test_groups_and_profiles_written_in_the_rig_file(tmp_path: Path, probe_image: Image) -> None:
    (tmp_path / "files").mkdir()
    for name, path in assets_of(probe_image).items():
        (tmp_path / "files" / name).symlink_to(path)
    boot_section = {
        "kernel": "/assets/kernel",
        "initrd": ["/assets/initramfs.cpio"],
        "args": ["console=ttyAMA0", "from=rig-file"],
    }
    rig = write_rig(
        tmp_path,
        {
            "hil": 1,
            "matchbox": {
                "assets": "files",
                "groups": [
                    {"id": "one", "profile": "p", "selector": {"mac": "02:00:5e:aa:bb:01"}, "metadata": {"role": "w"}}
                ],
                "profiles": [{"id": "p", "boot": boot_section, "generic_id": "g"}],
                "generic": {"g": "role: {{.role}}\n"},
            },
            "nodes": {"node1": without_image(mac="02:00:5e:aa:bb:01", ready={"console": "from=rig-file"})},
        },
    )
    with open_bench(load_rig(rig, cwd=tmp_path), artifacts=tmp_path / "records") as bench:
        boot = bench.nodes["node1"].boot()
        assert get(bench.matchbox.address, "/generic?mac=02:00:5e:aa:bb:01") == "role: w\n"
        assert "ROLE=w" in get(bench.matchbox.address, "/metadata?mac=02:00:5e:aa:bb:01")
    told = {mark.source: mark.evidence for mark in boot.timeline if mark.stage == "profile"}
    assert told["matchbox"] == "profile 'p'"
    # What is served there has no digest here: nobody has looked at it.
    assert "assets" not in boot.to_json()


def test_a_matchbox_that_runs_already(tmp_path: Path, probe_image: Image) -> None:
    tree = write_tree(
        tmp_path / "tree",
        groups={"all": {"profile": "p"}},
        profiles={
            "p": {
                "boot": {
                    "kernel": "/assets/kernel",
                    "initrd": ["/assets/initramfs.cpio"],
                    "args": ["console=ttyAMA0"],
                }
            }
        },
        assets=assets_of(probe_image),
    )
    with running_matchbox(tree) as url:
        rig = write_rig(
            tmp_path,
            {
                "hil": 1,
                "matchbox": {"url": url},
                "nodes": {"node1": without_image(ready={"console": "hil-probe: userspace"})},
            },
        )
        done = run_hil("boot", str(rig), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    marks = boot["timeline"]["marks"]
    # Whose profile it was is in the log of that Matchbox, which is not ours to read; that there was one, packets say.
    assert {mark["stage"] for mark in marks if mark["source"] != "packets"} == set(NAMES) - {"profile"}
    assert [mark["source"] for mark in marks if mark["stage"] == "profile"] == ["packets"]
    assert not list((tmp_path / "hil-artifacts").glob("*/matchbox.log"))


def get(address: tuple[str, int], path: str) -> str:
    with closing(HTTPConnection(*address, timeout=10)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def without_image(**more: object) -> dict[str, object]:
    return {key: value for key, value in NODE.items() if key != "image"} | more


def console(cwd: Path, boot: dict[str, str]) -> str:
    return (cwd / boot["folder"] / "console.log").read_text(errors="replace")


def digests(tree: Path) -> dict[str, str]:
    return {str(file): sha256_of(file) for file in sorted(tree.rglob("*")) if file.is_file()}


@contextmanager
def running_matchbox(tree: Path) -> Iterator[str]:
    """The real Matchbox, started by hand as its owner would; gives its URL."""
    argv = [str(programs.matchbox()), "-address", "127.0.0.1:0", "-data-path", str(tree)]
    argv += ["-assets-path", str(tree / "assets")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        try:
            deadline = Deadline.after(20)
            while not (places := listening_sockets(process.pid)):
                assert not deadline.expired
                select.select([], [], [], 0.02)
            yield "http://{}:{}".format(*places[0])
        finally:
            process.kill()
