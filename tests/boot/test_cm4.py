"""A Compute Module on the bench twin: from its own bootloader to ready, and each thing that goes wrong on that way."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import halting, home_router
from support.boards import module, modules_of
from support.private_nets import needs_taps
from support.rigs import PROBE_RIG, Hil, run_hil, write_rig

from hil.bench import Bench, open_bench
from hil.config.rig import load_rig
from hil.errors import HilError, InfrastructureError
from hil.kinds import Segment, make_segment
from hil.tools import dnsmasq

pytestmark = [pytest.mark.boot, needs_taps, pytest.mark.usefixtures("runtime")]

OTHER = "0badcafe"
WITHOUT_OVERLAY = "arm_64bit=1\nenable_uart=1\nuart_2ndstage=1\narmstub=RPI_EFI.fd\n"


@contextmanager
def bench_of(folder: Path, *, within: str = "60s", rpi: object = None, **twin: object) -> Iterator[Bench]:
    """A module of the twin, off, its boots bounded; `twin` is what it is like."""
    rig = modules_of(PROBE_RIG)
    node = {**rig["nodes"]["node1"], "boot_within": within, "rpi": rpi or module(1)}  # type: ignore[index]
    rig = {**rig, "twin": {"memory": "512MiB", "boards": {"node1": twin}}, "nodes": {"node1": node}}
    with open_bench(load_rig(write_rig(folder, rig), cwd=folder), artifacts=folder / "records") as bench:
        yield bench


def tree(bench: Bench) -> Path:
    """The folder that the module's files are served from."""
    return bench.keeper.directory / "tftp" / "10c2a401"


def test_from_its_bootloader_to_ready_on_one_timeline(tmp_path: Path) -> None:
    done = run_hil("boot", "--rig", "cm4-twin", "--image", "probe", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    assert (boot["machine"], boot["segment"], boot["verdict"]) == ("board", "interface", "ready")
    assert boot["simulated"].startswith("bench twin: ")
    assert (boot["power"]["simulated"], boot["power"]["to"]) == (True, "ready")
    assert boot["power"]["joules"] > 1
    marks = boot["timeline"]["marks"]
    sources: dict[str, set[str]] = {}
    for mark in marks:
        sources.setdefault(mark["stage"], set()).add(mark["source"])
    way = [
        "eeprom",
        "link",
        "rom-lease",
        "board-firmware",
        "armstub",
        "firmware",
        "pxe",
        "ipxe",
        "kernel",
        "userspace",
    ]
    said = [mark["stage"] for mark in marks if mark["source"] == "console"]
    assert sorted(way, key=said.index) == way
    # Three that know nothing of one another, on one clock.
    for stage in ("rom-lease", "board-firmware", "armstub"):
        assert sources[stage] == {"console", "dnsmasq", "packets"}, stage
        times = [mark["seconds"] for mark in marks if mark["stage"] == stage]
        assert max(times) - min(times) < 1
        # Who watches is shown it once, as the first of them has it.
        assert len(re.findall(rf"^node1 \[.*?\] {stage} ", done.err, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("stage", "number", "code"), [("link", signal.SIGINT, 130), ("board-firmware", signal.SIGTERM, 143)]
)
def test_one_that_is_ended_before_its_firmware_keeps_its_recording(
    tmp_path: Path, stage: str, number: signal.Signals, code: int
) -> None:
    program = [sys.executable, halting.__file__, stage, "go"]
    with Hil(["boot", "--rig", "cm4-twin", "--image", "probe"], tmp_path, program=program) as hil:
        hil.wait_for(rf"^reached {stage}$", within=60)
        hil.signal(number)
        assert hil.finish(within=60) == code, hil.stderr
        [folder] = tmp_path.glob("hil-artifacts/*/node1-boot1")
        assert f"record: {folder.relative_to(tmp_path)}\n" in hil.stdout
    record = json.loads((folder / "boot.json").read_text())
    assert (record["verdict"], record["packets"]["read"]) == ("interrupted", True)
    marks = json.loads((folder / "timeline.json").read_text())["marks"]
    assert {"console", "packets"} <= {mark["source"] for mark in marks}
    assert b"RPi: BOOTSYS" in (folder / "console.log").read_bytes()


def test_a_silent_bootloader_is_seen_on_the_wire(tmp_path: Path) -> None:
    with bench_of(tmp_path, within="240s", eeprom={"BOOT_UART": 0}) as bench:
        boot = bench.nodes["node1"].boot()
        sources = {(mark.stage, mark.source) for mark in boot.timeline}
    assert {("rom-lease", "dnsmasq"), ("armstub", "packets"), ("ready", "http")} <= sources
    assert not [stage for stage, source in sources if source == "console" and stage in ("eeprom", "rom-lease")]


def test_a_compute_module_3_boots_by_u_boot(tmp_path: Path) -> None:
    with bench_of(tmp_path, within="240s", rpi={**module(1), "model": "cm3", "via": "u-boot"}) as bench:
        boot = bench.nodes["node1"].boot()
    assert boot.verdict is not None
    assert boot.verdict.value == "ready"


def nothing(bench: Bench) -> None:
    """All is as it was set."""


def fault(name: str) -> Callable[[Bench], None]:
    """Begin a fault of the twin's board."""

    def begin(bench: Bench) -> None:
        assert bench.twin is not None
        bench.twin.fault("node1", name)

    return begin


def without_start4(bench: Bench) -> None:
    """Take the firmware out of what is served."""
    (tree(bench) / "start4.elf").unlink()


def without_network(bench: Bench) -> None:
    """Serve a firmware that can do no TFTP."""
    (tree(bench) / "start4.elf").write_bytes(
        b"hil bench twin stand-in for start4.elf: no firmware\nwithout network support\n" + bytes(100_000)
    )


TROUBLES = {
    "another serial number": ({"serial": OTHER}, nothing, f"it asks for its files in the folder {OTHER}/"),
    "no start4.elf": ({}, without_start4, "it asked for 10c2a401/start4.elf, which it starts first"),
    "firmware without network": (
        {},
        without_network,
        "it has start4.elf and fetched nothing after it that it could start",
    ),
    "TFTP without OACK": ({}, fault("no-oack"), "config.txt had no effect"),
    "silent, and asking on the wire": (
        {"eeprom": {"BOOT_UART": 0}},
        fault("wrong-option-43"),
        "took none of the bench's answers; its console says nothing of that",
    ),
}
"""What is wrong, and words of what is said; the others are in test_rpi_trouble.py, on one bench."""


@pytest.mark.parametrize("trouble", list(TROUBLES))
def test_the_bench_is_at_fault_and_what_it_is_is_said(tmp_path: Path, trouble: str) -> None:
    twin, do, words = TROUBLES[trouble]
    with bench_of(tmp_path, **twin) as bench:
        do(bench)
        with pytest.raises(InfrastructureError) as raised:
            bench.nodes["node1"].boot(within=6)
    assert words in told(raised.value)


def test_a_console_on_the_mini_uart_is_told_from_the_other_silences(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_text(WITHOUT_OVERLAY)
    rpi = {**module(1), "config_txt": "config.txt"}
    with bench_of(tmp_path, within="24s", rpi=rpi) as bench, pytest.raises(InfrastructureError) as raised:
        bench.nodes["node1"].boot()
    assert "though it fetched all up to what Matchbox has for it" in told(raised.value)
    assert "dtoverlay=disable-bt" in raised.value.hint


def test_a_router_that_answers_instead_of_the_bench_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Segment] = []

    def keep(*words: object) -> Segment:
        made.append(make_segment(*words))  # type: ignore[arg-type]
        return made[0]

    monkeypatch.setattr("hil.bench.make_segment", keep)
    with bench_of(tmp_path) as bench:
        cable = made[0].cable("node1")
        argv = [sys.executable, home_router.__file__, cable.watch, str(dnsmasq.find().path)]
        bench.keeper.spawn("router", cable.run(argv), kill=True)
        # The bench's own server is there, and its answers do not come.
        bench.keeper.signal("dnsmasq", signal.SIGSTOP)
        with pytest.raises(InfrastructureError) as raised:
            bench.nodes["node1"].boot(within=30)
    assert f"DHCP was answered by {home_router.ADDRESS} ({home_router.MAC}) and not by the bench" in told(raised.value)


def told(error: HilError) -> str:
    """What a user reads of it."""
    return f"{error.message}\n{error.hint}"
