"""What a page shows of a boot's folder: all of a whole one, and of a broken one what is left and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.boot_folders import made
from support.examples import unless_quick

from hil.report.page.record import gathered
from hil.report.page.writing import embedded

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
WHOLE = {
    "rig": "virt",
    "accelerator": "tcg",
    "accelerator_why": "this host is x86_64",
    "qemu": "7.2.22",
    "simulated": "simulated Talos node",
    "assets": [{"name": "kernel", "sha256": "ab" * 32, "origin": "made"}],
    "seconds_to_ready": 4.0,
    "runs": ["t.py::a"],
    "readiness": {
        "conditions": [
            {"name": "talos.api", "truth": "true", "expected": "e", "observed": "o", "source": "api", "seconds": 3.0}
        ]
    },
}


def test_a_whole_boot(tmp_path: Path) -> None:
    boot = gathered(made(tmp_path / "boot", **WHOLE), tmp_path)
    assert boot["name"] == "node1, boot 1"
    assert (boot["headline"], boot["seconds_to_ready"]) == ("Ready", 4.0)
    assert boot["power_on"] == "2023-11-14 22:13:20 UTC"
    assert boot["facts"] == [["rig", "virt"], ["accelerator", "tcg"], ["accelerator why", "this host is x86_64"]]
    assert boot["programs"] == [["qemu", "7.2.22"]]
    assert boot["assets"] == WHOLE["assets"]
    assert boot["arguments"] == {"seconds": 2.0, "words": "a=1 b"}
    assert boot["runs"] == ["t.py::a"]
    assert boot["simulated"] == "simulated Talos node"
    assert boot["missing"] == []
    assert boot["conditions"] == WHOLE["readiness"]["conditions"]  # type: ignore[index]
    assert ["console.log", "./boot/console.log"] in boot["files"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("verdict", "headline", "blamed"),
    [
        ("failed", "Failed", "machine"),
        ("broken", "The bench failed", "nothing of the image"),
        ("interrupted", "Interrupted", "nothing of the image"),
        ("running", "Running", "still running"),
        ("odd", "No verdict", "does not say"),
    ],
)
def test_a_verdict_says_whose_fault_it_is(tmp_path: Path, verdict: str, headline: str, blamed: str) -> None:
    error = {"kind": "NodeError", "message": "m", "hint": "h", "evidence": ["one", 2]}
    boot = gathered(made(tmp_path / "boot", verdict=verdict, error=error), tmp_path)
    assert boot["headline"] == headline
    assert blamed in str(boot["meaning"])
    assert boot["error"] == {"kind": "NodeError", "message": "m", "hint": "h", "evidence": ["one"]}


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    boot = gathered(tmp_path, tmp_path)
    assert boot["name"] == tmp_path.name
    assert boot["verdict"] == "unknown"
    assert boot["missing"] == ["boot.json is missing", "timeline.json is missing"]
    assert boot["marks"] == []


def test_half_a_record(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    (folder / "boot.json").write_text('{"schema": "hil.bo')
    (folder / "timeline.json").write_text("[1]")
    boot = gathered(folder, tmp_path)
    half, odd = boot["missing"]  # type: ignore[misc]
    assert half.startswith("boot.json is no whole JSON document")
    assert odd == "timeline.json holds no object"
    assert "no times" in boot["console"]["note"]  # type: ignore[index]


def test_pauses_and_resets(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    stages = [("pause", 1), ("pause", 2), ("resume", 3), ("resume", 4), ("reset", 5), ("pause", 6)]
    marks = [{"stage": stage, "seconds": at, "source": "qmp", "evidence": ""} for stage, at in stages]
    (folder / "timeline.json").write_text(json.dumps({"marks": marks}))
    boot = gathered(folder, tmp_path)
    assert boot["pauses"] == [[1.0, 3.0], [6.0, None]]
    assert boot["resets"] == [5.0]


def test_why_there_are_no_packets(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    assert "--capture=off" in gathered(folder, tmp_path)["wire"]["why"]  # type: ignore[index]
    (folder / "packets.pcapng").touch()
    assert "Wireshark" in gathered(folder, tmp_path)["wire"]["why"]  # type: ignore[index]
    (folder / "packets.json").write_text("{")
    assert "packets.json is no whole" in gathered(folder, tmp_path)["wire"]["why"]  # type: ignore[index]
    noted = made(tmp_path / "noted", packets={"captured": 0, "note": "the capture was killed"})
    assert gathered(noted, tmp_path)["wire"]["why"] == "the capture was killed"  # type: ignore[index]


def test_packets_and_a_limit(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    offer = {"seconds": 1, "message": "OFFER", "options": {"53": "OFFER"}, "odd": [1], "client_arch": None}
    capture = {"packets": 7, "bytes": 900, "payloads": "cut", "note": "cut"}
    (folder / "packets.json").write_text(json.dumps({"capture": capture, "dhcp": [offer] * 501, "tftp": 3}))
    found = gathered(folder, tmp_path)["wire"]
    assert isinstance(found, dict)
    assert (found["packets"], found["bytes"], found["payloads"], found["tftp"]) == (7, 900, "cut", [])
    assert found["note"] == "cut; of 501 DHCP rows the first 500 are here; packets.json has all"
    assert len(found["dhcp"]) == 500
    assert found["dhcp"][0]["options"] == [["53", "OFFER"]]
    assert "odd" not in found["dhcp"][0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=unless_quick(60), deadline=None)
@given(records=st.tuples(ANY, ANY, ANY), deep=ANY)
def test_any_record_gives_a_page(tmp_path: Path, records: tuple[object, ...], deep: object) -> None:
    keys = ("error", "readiness", "assets", "runs", "packets", "marks", "capture", "dhcp", "http", "power_on_ns")
    odd = {key: [deep, {"seconds": deep, "stage": "s"}] for key in keys}
    for name, value in zip(("boot", "timeline", "packets"), records, strict=True):
        whole = value if isinstance(value, list) else {**odd, "x": value, "error": {"evidence": deep}}
        (tmp_path / f"{name}.json").write_text(json.dumps(whole))
    json.loads(embedded(gathered(tmp_path, tmp_path)))


@pytest.mark.parametrize("odd", [10**400, -(10**400), True, 1.5, "1"], ids=["huge", "below", "bool", "float", "text"])
def test_a_power_on_that_is_no_stamp_gives_rows_without_times(tmp_path: Path, odd: object) -> None:
    folder = made(tmp_path / "boot")
    (folder / "timeline.json").write_text(json.dumps({"power_on_ns": odd, "marks": []}))
    console = gathered(folder, tmp_path)["console"]
    assert isinstance(console, dict)
    assert "does not say when power-on was" in console["note"]


def test_links_lead_from_the_page_to_the_files(tmp_path: Path) -> None:
    folder = made(tmp_path / "javascript:a b\udcff" / "boot")
    files = gathered(folder, tmp_path / "pages")["files"]
    assert ["boot.json", "./../javascript%3Aa%20b%FF/boot/boot.json"] in files  # type: ignore[operator]
