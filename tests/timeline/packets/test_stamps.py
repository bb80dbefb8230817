"""Each packet's interval holds the moment it was sent, whatever delays and stops a simulated machine has."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import InfrastructureError
from hil.timeline.packets.stamps import HEADER, MAGIC, RECORD, Stamp, read_stamps, stamps

MS = 1_000_000
START = 5_000_000_000
# QEMU's pcap stamps begin at a whole second of wall time, or of the guest's own clock with `-rtc base=`.
VIRTUAL_STARTS = (0, 1_700_000_000 * 10**9, 1_577_836_800 * 10**9, -(10**15))


@dataclass
class Wire:
    """A machine's wire as the capture process sees it, and when each packet was really sent."""

    offset: int
    now: int = START
    looked: int = START
    waiting: list[tuple[int, int]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    rows: list[tuple[int, int, int]] = field(default_factory=list)

    def send(self) -> None:
        virtual = (self.now - self.offset) // 1000 * 1000
        self.waiting.append((self.now, virtual))

    def held(self, ns: int) -> None:
        """QEMU reads its clock and is held up; the reader comes round meanwhile."""
        self.send()
        [frame] = self.waiting[-1:]
        self.waiting.pop()
        self.now += ns // 2
        self.read()
        self.now += ns - ns // 2
        self.waiting.append(frame)

    def stop(self, ns: int) -> None:
        self.now += ns
        self.offset += ns

    def read(self) -> None:
        """The reader comes round: takes what waits, and has then seen the pipe empty."""
        for sent, virtual in self.waiting:
            self.truth.append(sent)
            self.rows.append((self.looked, self.now, virtual))
        self.waiting.clear()
        self.looked = self.now

    def stamps(self) -> list[Stamp]:
        return stamps(*zip(*self.rows, strict=True), START) if self.rows else []


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, 30 * MS)),
        st.tuples(st.just("stop"), st.integers(0, 3000 * MS)),
        st.tuples(st.sampled_from(["send", "read"]), st.just(0)),
    ),
    max_size=60,
)


def play(wire: Wire, acts: list[tuple[str, int]]) -> None:
    for act, ns in acts:
        wire.now += 1  # two things never happen at once
        if act == "pass":
            wire.now += ns
        elif act == "stop":
            wire.stop(ns)
        elif act == "send":
            wire.send()
        elif act == "held":
            wire.held(ns)
        else:
            wire.read()
    wire.read()


@given(ACTS, st.sampled_from(VIRTUAL_STARTS))
def test_every_interval_holds_the_truth_and_is_no_wider_than_the_reader_alone_would_say(
    acts: list[tuple[str, int]], virtual_start: int
) -> None:
    wire = Wire(START - virtual_start)
    play(wire, acts)
    found = wire.stamps()
    assert len(found) == len(wire.truth)
    for stamp, sent, (looked, arrived, _) in zip(found, wire.truth, wire.rows, strict=True):
        assert abs(stamp.at_ns - sent) <= stamp.error_ns
        assert stamp.error_ns <= (arrived - looked) // 2 + 1501


def test_a_packet_that_waited_long_is_placed_by_one_that_did_not() -> None:
    wire = Wire(0)
    wire.now += 5 * MS
    wire.read()
    wire.send()
    quick = wire.now
    wire.now += MS // 10
    wire.read()
    wire.send()  # waits 80 ms: the reader was kept from reading
    slow = wire.now
    wire.now += 80 * MS
    wire.read()
    wire.now += 5 * MS
    wire.read()
    wire.send()
    wire.now += MS // 10
    wire.read()
    for stamp, sent in zip(wire.stamps()[:2], (quick, slow), strict=True):
        assert abs(stamp.at_ns - sent) <= stamp.error_ns < MS // 4


def test_a_packet_that_was_not_seen_to_come_is_placed_by_one_before_it_that_was() -> None:
    # The reader found more and more in the pipe, and saw it empty only before the first.
    found = stamps([10 * MS] * 2, [11 * MS, 60 * MS], [0, 40 * MS], 0)
    assert found[1].at_ns - found[1].error_ns == 50 * MS - 1000


def test_a_stop_moves_only_what_comes_after_it() -> None:
    wire = Wire(START - 1_577_836_800 * 10**9)
    for pause in (0, 2000 * MS, 0):
        wire.stop(pause)
        for _ in range(5):
            wire.read()
            wire.send()
            wire.now += MS
            wire.read()
            wire.now += 50 * MS
    for stamp, sent in zip(wire.stamps(), wire.truth, strict=True):
        assert abs(stamp.at_ns - sent) <= stamp.error_ns <= MS


@given(ACTS.map(lambda acts: [("held", ns) if act == "stop" else (act, ns) for act, ns in acts]))
def test_a_qemu_that_was_held_up_after_reading_its_clock_spoils_no_packet(acts: list[tuple[str, int]]) -> None:
    wire = Wire(0)
    play(wire, acts)
    wire.send()
    wire.read()  # at once, which shows which looks were after their packet
    for stamp, sent in zip(wire.stamps(), wire.truth, strict=True):
        assert abs(stamp.at_ns - sent) <= stamp.error_ns


def test_a_look_that_only_qemus_whole_microseconds_make_late_counts() -> None:
    # The first was sent 0.519 us after its stamp, right after a look; the second on a whole one, and arrived at once.
    [first, second] = stamps([519, 519], [30_000, 19_000], [0, 19_000], -MS)
    assert (first.error_ns, second.error_ns) == (1000, 1000)


def test_one_packet_that_was_held_up_widens_no_other() -> None:
    # Seen in a boot on a busy host: 78 ms between QEMU's reading its clock and its writing.
    sent = [MS * number for number in range(100, 1100, 100)]
    looked, arrived = [at - MS for at in sent], [at + MS for at in sent]
    looked[4], arrived[4] = sent[4] + 78 * MS, sent[4] + 84 * MS
    assert [stamp.error_ns for stamp in stamps(looked, arrived, sent, 0)] == [MS + 1000] * 10


def test_a_first_packet_that_was_held_up_came_after_the_capture_began() -> None:
    [first, second] = stamps([90 * MS, 90 * MS], [91 * MS, 101 * MS], [20 * MS, 100 * MS], 5 * MS)
    assert first.at_ns - first.error_ns == 5 * MS - 1000
    assert first.at_ns + first.error_ns == 21 * MS + 1000
    assert second.at_ns + second.error_ns == 101 * MS + 1000


def file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_file_is_read_up_to_its_last_whole_packet(tmp_path: Path) -> None:
    header = HEADER.pack(MAGIC, 7, 1_700_000_000_000_000_000, 0)
    rows = RECORD.pack(10_000_000, 12_000_000, 55_000) + RECORD.pack(12_000_000, 14_000_000, 2_055_000)
    anchor, found = read_stamps(file(tmp_path / "packets.idx", header + rows))
    assert (anchor.monotonic_ns, anchor.wall_ns) == (7, 1_700_000_000_000_000_000)
    assert found == [Stamp(11_000_000, 1_001_000), Stamp(13_000_000, 1_001_000)]
    _, short = read_stamps(file(tmp_path / "torn.idx", header + rows[:-1]))
    assert short == found[:1]
    assert read_stamps(file(tmp_path / "none.idx", header))[1] == []


@pytest.mark.parametrize("data", [b"", MAGIC, b"x" * 64, struct.pack("<8sqq", MAGIC, 1, 2)])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InfrastructureError, match=r"no index of captured packets"):
        read_stamps(file(tmp_path / "packets.idx", data))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"packets\.idx cannot be read: No such file"):
        read_stamps(tmp_path / "packets.idx")


@given(st.binary(max_size=200))
def test_any_bytes_after_the_header_are_numbers(data: bytes) -> None:
    numbers = [RECORD.unpack_from(data, at) for at in range(0, len(data) // 24 * 24, 24)]
    found = stamps(*zip(*numbers, strict=True), 0) if numbers else []
    assert all(stamp.error_ns >= 0 for stamp in found)
