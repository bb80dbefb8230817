"""A capture process under a real keeper, the test in QEMU's place: what it writes, and QEMU never waits for it."""

from __future__ import annotations

import errno
import os
import signal
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import RawPcapNgReader

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.netboot.capture import process
from hil.netboot.capture.choice import Capture
from hil.netboot.capture.process import Recording
from hil.netboot.capture.starting import GuestCapture
from hil.timeline.packets.stamps import read_stamps

FILE = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)
ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / IP(src="10.0.2.15", dst="10.0.2.100")
DNS = bytes(ETHER / UDP(sport=4000, dport=53) / Raw(b"the key is hunter22/+"))
BODY = bytes(ETHER / UDP(sport=4000, dport=4001) / Raw(b"a body with hunter22%2F%2B in it"))


def soon() -> Deadline:
    return Deadline.after(10)


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with tempfile.TemporaryDirectory(prefix="hc-", dir="/tmp") as runtime, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        with Keeper.start(new_runtime_dir(), deadline=soon()) as keeper:
            yield keeper


def begin(keeper: Keeper, folder: Path, payloads: Capture = "headers", *, limit: int = 1 << 20) -> GuestCapture:
    return GuestCapture.begin(Recording(keeper, keeper.directory, "n1", folder, payloads, ["hunter22/+"], limit))


def pipe_of(capture: GuestCapture) -> str:
    [_, option] = capture.qemu_arguments
    return option.split("file=")[1].split(",")[0]


def qemu(capture: GuestCapture) -> int:
    """QEMU's end of the pipe, opened as QEMU opens it, but for an error instead of a wait."""
    writer = os.open(pipe_of(capture), os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(writer, True)
    os.write(writer, FILE)
    return writer


def send(writer: int, frame: bytes | Packet) -> None:
    raw = bytes(frame)
    os.write(writer, struct.pack("=iiII", 1, 2, len(raw), len(raw)) + raw)


def captured(folder: Path) -> list[bytes]:
    return [raw for raw, _ in RawPcapNgReader(str(folder / "packets.pcapng"))]


def note(folder: Path) -> str | None:
    path = folder / "packets.note"
    return path.read_text() if path.exists() else None


def test_what_was_sent_is_on_disk_when_it_has_ended(keeper: Keeper, tmp_path: Path) -> None:
    before = now_ns()
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    writer = qemu(capture)
    capture.qemu_runs()
    for frame in (DNS, BODY, DNS):
        send(writer, frame)
    os.close(writer)
    capture.end()
    assert captured(tmp_path) == [
        DNS.replace(b"hunter22/+", b"*" * 10),
        BODY[:42],
        DNS.replace(b"hunter22/+", b"*" * 10),
    ]
    _, stamps = read_stamps(tmp_path / "packets.idx")
    assert all(before - 1000 <= stamp.at_ns <= now_ns() for stamp in stamps)
    assert note(tmp_path) is None


def test_all_is_kept_on_request_but_secrets(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path, "full")
    capture.await_ready()
    writer = qemu(capture)
    send(writer, BODY)
    os.close(writer)
    capture.end()
    assert captured(tmp_path) == [BODY.replace(b"hunter22%2F%2B", b"*" * 14)]


def test_secrets_are_no_arguments(keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    spawn = Keeper.spawn

    def seen(self: Keeper, name: str, argv: list[str], **more: object) -> None:
        started.extend((name, argv, more))
        spawn(self, name, argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Keeper, "spawn", seen)
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    capture.end()
    assert "capture:n1" in started
    assert "hunter22" not in repr(started)


def test_what_is_kept_is_bounded_and_qemu_goes_on(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path, limit=3 * 128)
    capture.await_ready()
    writer = qemu(capture)
    for _ in range(1000):
        send(writer, DNS)
    os.close(writer)
    capture.end()
    assert 0 < len(captured(tmp_path)) < 10
    assert note(tmp_path) == "the limit was reached: no packet after it was kept\n"


def test_qemu_does_not_wait_for_a_process_that_is_not_there_yet(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keeper, "spawn", lambda *_, **__: None)
    monkeypatch.setattr(Keeper, "signal", lambda *_: None)
    monkeypatch.setattr(process, "_STARTS_SECONDS", 0.1)
    capture = begin(keeper, tmp_path)
    os.close(qemu(capture))  # with nobody to read this would be ENXIO, or a wait for ever
    capture.await_ready()
    assert note(tmp_path) == "the capture did not start: no answer within 0.1 s\n"
    capture.qemu_runs()
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        qemu(capture)


def test_qemu_does_not_wait_for_a_process_that_has_died(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    writer = qemu(capture)
    capture.qemu_runs()
    keeper.signal("capture:n1", signal.SIGKILL)
    assert keeper.wait_exit("capture:n1", deadline=soon()) == -signal.SIGKILL
    with pytest.raises(BrokenPipeError):
        send(writer, DNS)
    os.close(writer)
    capture.end()
    assert note(tmp_path) == "the capture process did not come to its end: packets are missing\n"


def test_qemu_does_not_wait_for_a_disk(keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_ENDS_SECONDS", 0.3)
    os.mkfifo(tmp_path / "packets.pcapng")
    disk = os.open(tmp_path / "packets.pcapng", os.O_RDONLY | os.O_NONBLOCK)  # takes 64 KiB, and then no more
    capture = begin(keeper, tmp_path, "full", limit=64 << 20)
    capture.await_ready()
    writer = qemu(capture)
    frame = BODY + bytes(1400)
    for _ in range(8000):  # 11 MB; without the thread that empties the pipe this would never end
        send(writer, frame)
    os.close(writer)
    capture.end()
    os.close(disk)
    assert note(tmp_path) == "the capture process did not come to its end: packets are missing\n"


def test_a_capture_that_cannot_be_had_is_noted_and_qemu_goes_on(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "packets.idx").mkdir()
    capture = begin(keeper, tmp_path)
    writer = qemu(capture)
    capture.await_ready()
    capture.qemu_runs()
    assert keeper.wait_exit("capture:n1", deadline=soon()) is not None
    with pytest.raises(BrokenPipeError):
        send(writer, DNS)
    os.close(writer)
    capture.end()
    assert note(tmp_path) == f"the capture did not start: {tmp_path}/packets.idx: Is a directory\n"


def test_a_qemu_that_never_ran(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    capture.end()
    capture.end()
    assert captured(tmp_path) == []
    assert note(tmp_path) is None


def test_what_is_no_capture_of_qemus_is_noted(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    writer = os.open(pipe_of(capture), os.O_WRONLY)
    os.write(writer, b"something else altogether")
    os.close(writer)
    capture.end()
    assert (note(tmp_path) or "").startswith("QEMU sent no packets: it begins with 736f6d65")


def test_a_pipe_that_cannot_be_made(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"a pipe at .*/gone/n1-packets cannot be made") as caught:
        GuestCapture.begin(Recording(keeper, tmp_path / "gone", "n1", tmp_path, "headers"))
    assert "--capture=off" in caught.value.hint


def test_a_keeper_that_has_died_is_said_so(keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object, **__: object) -> None:
        raise InfrastructureError("the keeper has died", hint="")

    monkeypatch.setattr(Keeper, "spawn", died)
    with pytest.raises(InfrastructureError, match="the keeper has died"):
        begin(keeper, tmp_path)
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.open(keeper.directory / "n1-packets", os.O_WRONLY | os.O_NONBLOCK)


def test_a_comma_in_the_pipes_path_does_not_end_qemus_option(tmp_path: Path, keeper: Keeper) -> None:
    os.mkfifo(tmp_path / "a,b")
    capture = GuestCapture(Recording(keeper, keeper.directory, "n1", tmp_path, "headers"), tmp_path / "a,b")
    assert f"file={tmp_path}/a,,b,maxlen=65536" in capture.qemu_arguments[1]
    capture.qemu_runs()


def test_a_connection_is_followed_through_the_process(keeper: Keeper, tmp_path: Path) -> None:
    capture = begin(keeper, tmp_path)
    capture.await_ready()
    writer = qemu(capture)
    head = b"GET /ipxe?token=hunter22/+ HTTP/1.1\r\nCookie:unknown\r\nContent-Length: 4\r\n\r\n"
    send(writer, ETHER / TCP(sport=5, dport=80, flags="S", seq=9))
    send(writer, ETHER / TCP(sport=5, dport=80, flags="PA", seq=10) / Raw(head + b"body"))
    os.close(writer)
    capture.end()
    assert captured(tmp_path)[1][54:] == head.replace(b"hunter22/+", b"*" * 10).replace(b"unknown", b"*" * 7)
