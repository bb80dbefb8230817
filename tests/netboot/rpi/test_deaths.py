"""Each trouble of a Raspberry Pi on its way to its firmware: what shows it, when it is final, and what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.rpi_case import Case
from support.rpi_lines import (
    BANNER,
    BESIDE,
    FAILED,
    FETCHED,
    LEASE,
    LINK,
    MAC,
    NET,
    NETWORK,
    OTHER_MAC,
    OURS,
    REFUSED,
    ROOT,
    ROUTER,
    SERIAL,
    START4,
    STARTED,
    TEXT,
    TO_NET,
    UEFI,
    dhcp,
    missing,
    sent,
    tftp,
)
from support.rpi_troubles import CASES
from support.wire import Wire

from hil.clock import NANOSECONDS, WallAnchor, now_ns
from hil.config.rpi import BoardModel
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.netboot.rpi.bootloader import RpiBootloader
from hil.netboot.rpi.deaths import DEATHS
from hil.netboot.rpi.follow import DnsmasqFollower
from hil.netboot.rpi.heard import Pi
from hil.timeline.stages import RPI_STAGES
from hil.timeline.timeline import Mark, Timeline
from hil.timeline.trouble import Trouble

BENCH = "10.0.2.100"


class Bench:
    """A board in one boot that has just begun; it is looked at when it has been quiet for as long as a case says.

    Not one that began long ago: a host that was just switched on had no such moment.
    """

    def __init__(self, case: Case) -> None:
        self.wire = Wire()
        self.case = case
        self._transcript = Transcript()
        pi = Pi(case.model, MAC, SERIAL)
        follower = DnsmasqFollower(self.wire, 0, node="n1", pi=pi)
        self.bootloader = RpiBootloader(pi, BENCH, self._transcript, 0, follower)

    def trouble(self, quiet: float, *, late: bool = False) -> Trouble | None:
        at = now_ns()
        timeline = Timeline(at, WallAnchor.take(), RPI_STAGES)
        timeline.add(Mark(stage, at, 0, "test", "") for stage in ("power", *self.case.marks))
        if self.case.uart:
            self._transcript.append(Chunk(at, 1, 0, self.case.uart))
        self.wire.says(STARTED + self.case.log, stamp_ns=at)
        timeline.add(self.bootloader.take())
        with pytest.MonkeyPatch.context() as later:
            later.setattr("hil.netboot.rpi.bootloader.now_ns", lambda: at + round(quiet * NANOSECONDS))
            return self.bootloader.trouble(timeline, lambda: "plug: 15.0 W at most", late=late)

    def close(self) -> None:
        self.bootloader.close()
        self.wire.hang_up()


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def _named(case: Case) -> str:
    return case.name.replace(" ", "-")


@pytest.mark.parametrize("bench", CASES, ids=map(_named, CASES), indirect=True)
def test_it_is_final_when_it_should_be_and_says_what_it_is(bench: Bench) -> None:
    case = bench.case
    found = bench.trouble(3600.0 if case.quiet is None else case.quiet, late=case.quiet is None)
    assert found is not None
    assert found.name == case.name
    assert re.fullmatch(case.words, found.words), found.words
    assert case.hint in found.hint


SLOW = [case for case in CASES if case.quiet != 0.0]


@pytest.mark.parametrize("bench", SLOW, ids=map(_named, SLOW), indirect=True)
def test_what_may_yet_get_on_is_let(bench: Bench) -> None:
    assert bench.trouble(3600.0 if bench.case.quiet is None else 20.0) is None


OTHERS = REFUSED.replace(MAC.encode(), OTHER_MAC.encode())
OFFER = dhcp(1, "OFFER", address="10.0.2.11")
GOOD = (
    Case("another board's question", "", "", BANNER + NETWORK + LINK, OTHERS),
    Case("first words", "", "", BANNER + NETWORK),
    Case("a first try in vain", "", "", BANNER + NETWORK + FAILED + b"Boot mode: SD (01) order f2\r\n"),
    Case("a third try that may do better", "", "", BANNER + (NETWORK + FAILED) * 2 + NETWORK),
    Case("two starts", "", "", BANNER * 2),
    Case("starts again after each try", "", "", (BANNER + NETWORK + FAILED) * 2 + BANNER),
    Case("restarts by what Matchbox gave it", "", "", BANNER * 3, LEASE, ("profile",)),
    Case("a garbled turn to the network", "", "", BANNER + NETWORK[34:] + FAILED + b"Boot mode: SD (01) order f\r\n"),
    Case("a garbled turn, and the wire", "", "", BANNER + b"Boot mode: SD (01) order f\r\n", dhcp(1, "DISCOVER")),
    Case("a loop of kernels", "", "", BANNER * 3, LEASE, ("kernel",)),
    Case("files that nobody needs", "", "", TO_NET, LEASE + missing(f"{SERIAL}/pieeprom.sig")),
    Case("another board's folder", "", "", TO_NET, LEASE + missing("0badc0de/start4.elf", "10.0.2.12")),
    Case("a boot to its profile", "", "", TO_NET + START4 + UEFI, FETCHED, ("firmware", "profile", "kernel")),
    Case("no start.elf beside start4.elf", "", "", TO_NET + START4, LEASE + missing(f"{SERIAL}/start.elf")),
)


@pytest.mark.parametrize("bench", GOOD, ids=map(_named, GOOD), indirect=True)
def test_a_boot_that_gets_on_is_in_no_trouble(bench: Bench) -> None:
    assert bench.trouble(1.0) is None


QUIET = (
    Case("lines of a link that noise changed", "", "", BANNER + NETWORK + ROUTER),
    Case("its own port is named, so the other is another's", "", "", BANNER + NETWORK + LINK, OTHERS),
)


@pytest.mark.parametrize("bench", QUIET, ids=map(_named, QUIET), indirect=True)
def test_what_is_contradicted_is_not_said(bench: Bench) -> None:
    found = bench.trouble(50.0)
    assert found is not None
    assert found.name != "no link"
    assert OTHER_MAC not in found.words + found.hint


def test_a_boot_that_came_far_is_not_explained_by_its_bootloader() -> None:
    case = Case("far", "", "", TO_NET + START4 + UEFI, FETCHED, ("firmware", "profile", "kernel"))
    far = Bench(case)
    # What a console shows is a mark of the console's.
    transcript_marks = [Mark(stage, 1, 0, "console", "") for stage in ("firmware", "kernel")]
    far.wire.says(STARTED + FETCHED)
    timeline = Timeline(0, WallAnchor.take(), RPI_STAGES)
    timeline.add([*far.bootloader.take(), *transcript_marks, Mark("profile", 1, 0, "matchbox", "")])
    assert far.bootloader.trouble(timeline, str, late=True) is None
    far.close()


MANUAL = (Path(__file__).parents[3] / "docs" / "raspberry-trouble.md").read_text("utf-8")


def test_the_manual_has_each() -> None:
    assert {case.name for case in CASES} == set(re.findall(r"^\| `([^`]+)` \|", MANUAL, re.MULTILINE))


def test_each_row_has_a_case() -> None:
    # Rows that say several things have a case for each; the others bear one name.
    assert len({case.name for case in CASES}) >= len(DEATHS)


def test_a_start_on_purpose_is_no_loop() -> None:
    case = Case("again", "", "", BANNER * 2)
    again = Bench(case)
    assert again.trouble(1.0) is None
    again.bootloader.begin_again()
    assert again.bootloader.trouble(Timeline(0, WallAnchor.take()), str, late=False) is None
    again.close()


BCM2837 = [
    Case("no sign of life", "", "", quiet=100, model="cm3"),
    Case("takes no offer", "", "", log=(dhcp(1, "DISCOVER") + OFFER) * 5, quiet=50, model="cm3"),
    Case("silent bootloader", "", "", log=LEASE, marks=("pxe",), quiet=None, model="cm3+"),
    Case("boots from elsewhere", "", "", log=dhcp(1, "DISCOVER", says="x"), model="cm3"),
]


@pytest.mark.parametrize("bench", BCM2837, ids=map(_named, BCM2837), indirect=True)
def test_of_a_board_without_an_eeprom_no_eeprom_is_blamed(bench: Bench) -> None:
    found = bench.trouble(bench.case.quiet or 0.0, late=bench.case.quiet is None)
    assert found is not None
    assert found.name == bench.case.name
    assert "EEPROM" not in found.words + found.hint


ODD = (b"/", b".", b"start4.elf", b"a/start.elf")
LINES = st.sampled_from(
    [
        *(BANNER, NETWORK, LINK, ROUTER, OURS, TEXT, NET, FAILED, START4, UEFI, b"Boot mode: SD (01) order f\r\n"),
        *(b"TFTP_GET: 02:00:00:00:00:01 10.0.2.100 %b\r\n" % name for name in ODD),
    ]
)
LOGGED = st.sampled_from(
    [
        *(LEASE, REFUSED, OTHERS, BESIDE, FETCHED, dhcp(1, "DISCOVER", says="x")),
        *(missing(name) for name in ("", "/", ".")),
        *(sent("."), tftp(f"failed sending {ROOT}/ to 10.0.2.11"), tftp(f"cannot access {ROOT}/.: {SERIAL}")),
        *(missing(f"{SERIAL}/{name}") for name in ("start4.elf", "start.elf", "kernel8.img", "u-boot.bin", "/")),
    ]
)


@settings(max_examples=unless_quick(40), deadline=None)
@given(
    st.lists(LINES, max_size=8).map(b"".join),
    st.lists(LOGGED, max_size=6).map(b"".join),
    st.lists(st.sampled_from([stage.name for stage in RPI_STAGES]), max_size=3, unique=True),
    st.sampled_from(["cm4", "pi4", "cm3", "cm3+"]),
    st.booleans(),
)
def test_whatever_is_known_of_it_has_words_or_none(
    uart: bytes, log: bytes, marks: list[str], model: BoardModel, late: bool
) -> None:
    any_ = Bench(Case("any", "", "", uart, log, tuple(marks), model=model))
    found = any_.trouble(100.0, late=late)
    any_.close()
    assert found is None or (found.words and found.hint)
    assert found is None or f"| `{found.name}` |" in MANUAL
