"""What a network interface sees of one machine: which packets are taken, and when each was sent.

The test is the machine: it writes frames into its tap, in a namespace with a bridge, as QEMU does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader
from support.examples import unless_quick

from hil.clock import Deadline, now_ns
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.netboot.capture import ring, wire
from hil.netboot.capture.process import Recording
from hil.netns.namespace import Namespace, Plan, hold
from hil.timeline.packets.stamps import read_stamps
from tests.support.private_nets import needs_taps, said_by

ROOT = Path(ring.__file__).parents[3]
MAC, OTHER, THIRD = (f"02:00:00:00:00:0{number}" for number in (1, 2, 3))
ALL = "ff:ff:ff:ff:ff:ff"
# The local experimental EtherType 1 (IEEE 802); what IPv6 says by itself on a bridge has another.
KIND = bytes.fromhex("88b5")

# A board's side of its tap, as QEMU opens one (Linux, Documentation/networking/tuntap.rst: IFF_TAP | IFF_NO_PI). A
# bridge takes its frames some time later (net/core/link_watch.c): one of another kind is sent until that is seen.
TAP = """
import fcntl, json, os, socket, struct, sys, time
def plug():
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"tap0", 0x1002))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B6)) as bridge:
        bridge.bind(("br0", 0x88B6))
        bridge.settimeout(0.02)
        while True:
            os.write(tap, bytes.fromhex("ffffffffffff 020000000009 88b6").ljust(60, b"-"))
            try:
                bridge.recv(100)
                return tap
            except TimeoutError:
                pass
def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))
def frame(to, source, text):
    return octets(to) + octets(source) + bytes.fromhex("88b5") + text.encode().ljust(46, b"\\0")
"""

SENDS = """
tap, moments = plug(), []
for to, source, text in json.loads(sys.argv[1]):
    before = time.monotonic_ns()
    os.write(tap, frame(to, source, text))
    moments.append((before, time.monotonic_ns()))
print(json.dumps(moments))
"""

# While a frame is in the ring wall time is set back by two hours, for who reads it and for the stamps of the kernel.
STEPS = """
sys.path.insert(0, sys.argv[1])
from hil.netboot.capture import ring
back, since = 0, 0
class Header:
    def unpack_from(self, data, at):
        further, seconds, nanoseconds, *rest = real.unpack_from(data, at)
        late = seconds * 1_000_000_000 + nanoseconds >= since
        return further, seconds - late * back, nanoseconds, *rest
real, ring._FRAME = ring._FRAME, Header()
ring.time_ns = lambda: time.time_ns() - back * 1_000_000_000
listener, tap, said = ring.Ring("br0", "02:00:00:00:00:01"), plug(), []
def send(step):
    global since, back
    before = time.monotonic_ns()
    os.write(tap, frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", "x"))
    if step:
        since, back = time.time_ns(), 7200
    while True:
        data, found = listener.take()
        for start, end, length, low, high, virtual in found:
            if data[start + 12 : start + 14] == bytes.fromhex("88b5"):
                said.append((before, low, high, time.monotonic_ns()))
                return
for step in (False, True, False, False):
    send(step)
os.write(listener.teller, b"x")
while listener.take() is not None:
    pass
listener.close()
print(json.dumps([said, listener.missing]))
"""


def soon() -> Deadline:
    return Deadline.after(20)


@dataclass(frozen=True)
class Lan:
    """A namespace with a bridge and one tap."""

    keeper: Keeper
    net: Namespace

    def run(self, script: str, *words: str) -> object:
        """What a script in it prints."""
        argv = self.net.inside([sys.executable, "-I", "-S", "-E", "-c", TAP + script, *words])
        said = said_by(self.keeper, "machine", argv, b"]\n", within=20)
        # The next script is the same machine, with the same tap.
        assert self.keeper.wait_exit("machine", deadline=soon()) == 0
        return json.loads(said)

    def send(self, *frames: tuple[str, str, str]) -> list[tuple[int, int]]:
        """Have the machine send frames (to, from, text); before and after each, ns of the one clock."""
        return cast("list[tuple[int, int]]", self.run(SENDS, json.dumps(frames)))


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with tempfile.TemporaryDirectory(prefix="hc-", dir="/tmp") as runtime, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        with Keeper.start(new_runtime_dir(), deadline=soon()) as keeper:
            plan = Plan(("10.0.2.100/24",), "br0", ("tap0",), root=True)
            net = hold(keeper, "segment", keeper.directory / "segment.sock", plan, deadline=soon())
            assert isinstance(net, Namespace)
            yield Lan(keeper, net)


def captured(folder: Path) -> list[tuple[int, bytes]]:
    """The packets of the test's own kind, with their places in the file."""
    packets = enumerate(raw for raw, _ in RawPcapNgReader(str(folder / "packets.pcapng")))
    return [(number, raw) for number, raw in packets if raw[12:14] == KIND]


@needs_taps
def test_what_a_machine_sends_and_is_sent_is_kept_with_its_moment(lan: Lan, tmp_path: Path) -> None:
    recording = Recording(lan.keeper, lan.keeper.directory, "n1", tmp_path, "full", ["hunter22"])
    capture = wire.begin(recording, "br0", MAC, lan.net.inside)
    capture.await_ready()
    frames = ((ALL, OTHER, "1"), (OTHER, MAC, "hunter22"), (THIRD, OTHER, "none of its"), (MAC, OTHER, "4"))
    moments = lan.send(*frames)
    capture.end()
    kept = captured(tmp_path)
    assert [raw[14:22].rstrip(b"\0") for _, raw in kept] == [b"1", b"*" * 8, b"4"]
    _, stamps = read_stamps(tmp_path / "packets.idx")
    assert not (tmp_path / "packets.note").exists()
    for (number, _), (before, _) in zip(kept, (moments[0], moments[1], moments[3]), strict=True):
        assert before <= stamps[number].at_ns + stamps[number].error_ns
        assert stamps[number].at_ns - stamps[number].error_ns <= now_ns()


@needs_taps
def test_a_step_of_wall_time_puts_no_packet_at_a_wrong_moment(lan: Lan) -> None:
    said, missing = cast("tuple[list[list[int]], str]", lan.run(STEPS, str(ROOT)))
    assert missing == ""
    assert len(said) == 4
    for before, low, high, after in said:
        assert before <= high
        assert low <= after
        assert high - low < 20_000_000_000


@needs_taps
def test_an_interface_that_is_not_there_is_noted_and_breaks_nothing(lan: Lan, tmp_path: Path) -> None:
    recording = Recording(lan.keeper, lan.keeper.directory, "n1", tmp_path, "headers")
    capture = wire.begin(recording, "br7", MAC, lan.net.inside)
    capture.await_ready()
    capture.end()
    assert (tmp_path / "packets.note").read_text() == "the capture did not start: br7: No such device\n"


@settings(max_examples=unless_quick(50))
@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()), max_size=8
    ),
    st.integers(-(10**18), 10**18),
)
def test_a_wall_moment_is_between_the_two_that_it_gives(looks: list[tuple[int, int, int, bool]], ahead: int) -> None:
    """Between two looks wall time may step by an hour; the reader may be held up between any two of its readings."""
    now, held = 10**12, [0, 0]

    def monotonic() -> int:
        nonlocal now
        now += held.pop() if held else 0
        return now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring, "monotonic_ns", monotonic)
        patch.setattr(ring, "time_ns", lambda: monotonic() + ahead)
        clock = ring.WallClock()
        for passed, first, second, stepped in looks:
            now += passed
            ahead += 3600 * 10**9 * stepped
            held[:] = [second, first]
            assert clock.steady() is not stepped
            low, high = clock.sent(now + ahead)
            assert low <= now <= high
