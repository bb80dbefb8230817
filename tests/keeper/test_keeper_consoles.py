"""Consoles of the keeper: many readers at many speeds, ports that come and go, records that fail."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.console.recording import read_recording
from hil.console.spec import PtyPort, TcpPort, UnixPort
from hil.console.stream import Chunk, FeedClosed
from hil.errors import InfrastructureError, UsageError
from hil.keeper.client import Keeper

pytestmark = pytest.mark.boot

Reading = Callable[..., list[Chunk]]


@pytest.fixture
def guest(runtime: Path) -> Iterator[tuple[socket.socket, UnixPort]]:
    """A listening socket that plays the guest's serial line, and the port that leads to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(runtime / "serial"))
        listener.listen()
        listener.settimeout(10)
        yield listener, UnixPort(str(runtime / "serial"))


def data_of(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def test_each_reader_gets_what_it_asked_for(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading, tmp_path: Path
) -> None:
    listener, port = guest
    keeper.open_console("console:a", port, tmp_path / "a")
    line, _ = listener.accept()
    with line, keeper.attach("console:a") as first:
        line.sendall(b"before ")
        chunks = read(first, lambda data, _: data == b"before ")
        assert (chunks[0].incarnation, chunks[0].offset) == (1, 0)
        with (
            keeper.attach("console:a") as from_start,
            keeper.attach("console:a", start=3) as from_three,
            keeper.attach("console:a", start=None) as from_now,
            keeper.attach("console:a", start=99) as from_beyond,
        ):
            line.sendall(b"after")
            assert data_of(read(from_start, lambda data, _: data.endswith(b"after"))) == b"before after"
            late = read(from_three, lambda data, _: data.endswith(b"after"))
            assert (late[0].offset, data_of(late)) == (3, b"ore after")
            for feed in (from_now, from_beyond):
                new = read(feed, lambda data, _: data.endswith(b"after"))
                assert (new[0].offset, data_of(new)) == (7, b"after")
        first.write(b"typed")
        assert line.recv(10) == b"typed"
        keeper.close()
        with pytest.raises(FeedClosed):
            read(first, lambda data, _: False)


def test_the_next_incarnation_goes_on_in_the_same_record(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading, tmp_path: Path
) -> None:
    listener, port = guest
    for text in (b"one", b"two", b"three"):
        keeper.open_console("console:a", port, tmp_path / "a")
        line, _ = listener.accept()
        line.sendall(text)
        with keeper.attach("console:a") as feed:
            read(feed, lambda data, _, text=text: data.endswith(text))
        if text != b"two":  # the second is replaced while it lives
            line.close()
    with keeper.attach("console:a") as feed:
        chunks = read(feed, lambda _, chunks: [c.data for c in chunks].count(b"") == 3)
    assert [(c.incarnation, c.offset, c.data) for c in chunks] == [
        (1, 0, b"one"),
        (1, 3, b""),
        (2, 3, b"two"),
        (2, 6, b""),
        (3, 6, b"three"),
        (3, 11, b""),
    ]
    assert read_recording(tmp_path / "a") == chunks


def test_another_record_begins_with_the_next_incarnation(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading, tmp_path: Path
) -> None:
    listener, port = guest
    # More than the keeper has in memory: the first two are read back from their files.
    said = {"a": b"one" * (1 << 20), "b": b"two" * (1 << 20), "c": b"three"}
    for name, text in said.items():
        keeper.open_console("console:a", port, tmp_path / name)
        line, _ = listener.accept()
        with line, keeper.attach("console:a", start=None) as feed:
            threading.Thread(target=line.sendall, args=(text,)).start()
            read(feed, lambda data, _, text=text: data.endswith(text))
    with keeper.attach("console:a") as feed:
        chunks = read(feed, lambda data, _: data.endswith(b"three"))
    assert data_of(chunks) == b"".join(said.values())
    assert {name: (tmp_path / f"{name}.log").read_bytes() == text for name, text in said.items()} == dict.fromkeys(
        said, True
    )
    for number, name in enumerate(said, start=1):
        recorded = read_recording(tmp_path / name)
        assert {chunk.incarnation for chunk in recorded} == {number}
    assert read_recording(tmp_path / "b")[0].offset == len(said["a"])
    assert read_recording(tmp_path / "a")[-1].data == b""


def test_last_words_before_a_port_is_replaced_are_in_the_record_of_their_own(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], tmp_path: Path
) -> None:
    listener, port = guest
    lines = []
    for number in range(20):
        keeper.open_console("console:a", port, tmp_path / str(number))
        line, _ = listener.accept()
        lines.append(line)
        # More than one read takes: some of it is still in the socket when the next port is asked for.
        line.sendall(b"." * 150_000 + b"last words of %d" % number)
    keeper.end()
    for line in lines:
        line.close()
    for number in range(20):
        *said, end = read_recording(tmp_path / str(number))
        assert data_of(said).lstrip(b".") == b"last words of %d" % number
        assert (end.data, {chunk.incarnation for chunk in (*said, end)}) == (b"", {number + 1})


def test_a_record_that_cannot_be_made_leaves_the_one_before(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading, tmp_path: Path
) -> None:
    keeper.spawn("job", ["echo", "one"], record=tmp_path / "a")
    keeper.wait_exit("job", deadline=Deadline.after(10))
    with pytest.raises(InfrastructureError, match=r"record .* cannot be written"):
        keeper.spawn("job", ["echo", "two"], record=tmp_path / "absent" / "b")
    keeper.spawn("job", ["echo", "three"], record=tmp_path / "a")
    keeper.wait_exit("job", deadline=Deadline.after(10))
    assert (tmp_path / "a.log").read_bytes() == b"one\nthree\n"


def test_a_slow_reader_holds_up_nobody(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading, tmp_path: Path
) -> None:
    listener, port = guest
    keeper.open_console("console:a", port, tmp_path / "a")
    line, _ = listener.accept()
    sent = b"".join(b"%07d\n" % number for number in range(1_500_000))
    with line, keeper.attach("console:a") as slow, keeper.attach("console:a") as fast:
        sender = threading.Thread(target=line.sendall, args=(sent,))
        sender.start()
        received = data_of(read(fast, lambda data, _: len(data) >= len(sent)))
        sender.join()
        assert received == sent
        assert keeper.streams()["console:a"].received == len(sent)
        assert data_of(read(slow, lambda data, _: len(data) >= len(sent))) == sent
    assert (tmp_path / "a.log").read_bytes() == sent


def test_without_a_record_old_bytes_are_skipped_and_the_offset_says_so(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading
) -> None:
    listener, port = guest
    keeper.open_console("console:a", port, None)
    line, _ = listener.accept()
    sent = b"".join(b"%07d\n" % number for number in range(1_500_000))

    def reaches_end(_: bytes, chunks: list[Chunk]) -> bool:
        return bool(chunks) and chunks[-1].offset + len(chunks[-1].data) == len(sent)

    with line, keeper.attach("console:a") as live:
        sender = threading.Thread(target=line.sendall, args=(sent,))
        sender.start()
        read(live, reaches_end)
        sender.join()
        with keeper.attach("console:a") as late:
            chunks = read(
                late, lambda data, chunks: chunks[-1:] and chunks[-1].offset + len(chunks[-1].data) == len(sent)
            )
    assert chunks[0].offset > 0
    assert sent[chunks[0].offset :] == data_of(chunks)


def test_the_keeper_stays_small(keeper: Keeper, read: Reading, tmp_path: Path) -> None:
    code = "import os\nblock = bytes(range(256)) * 64\nfor _ in range(3200): os.write(1, block)"
    keeper.spawn("loud", [sys.executable, "-S", "-c", code], record=tmp_path / "loud")
    with keeper.attach("loud"):
        assert keeper.wait_exit("loud", deadline=Deadline.after(60)) == 0
        assert keeper.streams()["loud"].received == 3200 * 256 * 64 > 50_000_000
        status = Path(f"/proc/{keeper.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    assert peak < 60_000, f"{peak} KiB"


def test_a_port_that_takes_nothing_jams_its_writers_alone(
    keeper: Keeper, guest: tuple[socket.socket, UnixPort], read: Reading
) -> None:
    listener, port = guest
    keeper.open_console("console:a", port, None)
    line, _ = listener.accept()
    typed = b"".join(b"%07d\n" % number for number in range(100_000))
    line.settimeout(10)
    with line, keeper.attach("console:a") as feed:
        writer = threading.Thread(target=feed.write, args=(typed,))
        writer.start()
        wait_until_jammed(keeper)
        line.sendall(b"still talking")
        with keeper.attach("console:a") as other:
            assert data_of(read(other, lambda data, _: len(data) == 13)) == b"still talking"
        heard = b""
        while len(heard) < len(typed):
            heard += line.recv(1 << 16)
        writer.join()
        assert heard == typed
        writer = threading.Thread(target=feed.write, args=(typed,))
        writer.start()
        wait_until_jammed(keeper)
        line.close()
        writer.join()  # the end of the port frees it
        feed.write(b"into the void")
    deadline = Deadline.after(10)
    while keeper.streams()["console:a"].unheard < 13:
        assert not deadline.expired


def wait_until_jammed(keeper: Keeper) -> None:
    """Until so much waits for the port that the keeper no longer hears the readers."""
    deadline = Deadline.after(10)
    while True:
        streams = keeper.status()["streams"]
        assert isinstance(streams, dict)
        if streams["console:a"]["waiting_bytes"] >= 1 << 16:
            return
        assert not deadline.expired


def test_other_kinds_of_port(keeper: Keeper, read: Reading) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        keeper.open_console("console:tcp", TcpPort("127.0.0.1", server.getsockname()[1]), None)
        line, _ = server.accept()
    ours, theirs = os.openpty()
    try:
        keeper.open_console("console:pty", PtyPort(os.ttyname(theirs)), None)
        with line, keeper.attach("console:tcp") as tcp, keeper.attach("console:pty") as pty:
            line.sendall(b"tcp")
            os.write(ours, b"pty")
            assert data_of(read(tcp, lambda data, _: len(data) == 3)) == b"tcp"
            assert data_of(read(pty, lambda data, _: len(data) == 3)) == b"pty"
            pty.write(b"key")
            assert os.read(ours, 10) == b"key"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_console_that_cannot_be_opened(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="none cannot be opened"):
        keeper.open_console("console:a", UnixPort(str(tmp_path / "none")), None)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(InfrastructureError, match=r"record .* cannot be written"),
    ):
        keeper.open_console("console:b", TcpPort("127.0.0.1", server.getsockname()[1]), tmp_path / "no" / "folder")
    keeper.spawn("job", ["true"])
    with pytest.raises(UsageError, match="job is a process"):
        keeper.open_console("job", UnixPort("x"), None)


def test_a_socket_goes_to_one_child_and_ends_with_it(keeper: Keeper, read: Reading, runtime: Path) -> None:
    code = (
        "import socket, sys\n"
        "line, _ = socket.socket(fileno=int(sys.argv[1].removeprefix('n'))).accept()\n"
        "line.sendall(b'hello ' + line.recv(10))"
    )
    path = runtime / "held"
    for incarnation in (1, 2):  # the same key and path again, as for a machine's next power session
        keeper.listen("serial", path)
        assert path.stat().st_mode & 0o777 == 0o600
        keeper.open_console("console:a", UnixPort(str(path)), None)  # before the child is there: it is held
        keeper.spawn("guest", [sys.executable, "-S", "-c", code, "n{fd:serial}"], fds=["serial"])
        with keeper.attach("console:a", start=None) as feed:
            feed.write(b"you")
            chunks = read(feed, lambda _, chunks: [c.data for c in chunks].count(b"") == 1)
        assert data_of(chunks) == b"hello you"
        assert chunks[0].incarnation == incarnation
        assert keeper.wait_exit("guest", deadline=Deadline.after(10)) == 0
    with pytest.raises(InfrastructureError, match="refused"):
        keeper.open_console("console:a", UnixPort(str(path)), None)
    with pytest.raises(UsageError, match="too long for a unix socket"):
        keeper.listen("serial", runtime / ("x" * 108))
    with pytest.raises(InfrastructureError, match="cannot be made: No such file"):
        keeper.listen("serial", runtime / "no" / "folder")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def check_that_reading_goes_on(keeper: Keeper, read: Reading, record: Path, problem: str) -> None:
    """Say more than the record takes: it is noted, said as an event, and all bytes still reach a reader."""
    code = "import os\nfor n in range(20000): os.write(1, b'%07d\\n' % n)"
    with keeper.attach("keeper", start=None) as events:
        keeper.spawn("loud", [sys.executable, "-S", "-c", code], record=record)
        with keeper.attach("loud") as feed:
            data = data_of(read(feed, lambda data, _: len(data) >= 160_000))
        keeper.wait_exit("loud", deadline=Deadline.after(10))
        said = data_of(read(events, lambda data, _: b'"exit"' in data)).splitlines()
    assert data == b"".join(b"%07d\n" % number for number in range(20000))
    assert problem in (keeper.recording_error("loud") or "")
    first = json.loads(said[0])
    assert (first["event"], first["name"]) == ("recording-error", "loud")
    assert problem in first["message"]
    log = record.with_name("loud.log").read_bytes()
    assert 0 < len(log) < len(data)
    assert data.startswith(log)
    keeper.spawn("loud", ["echo", "more"], record=record)
    with keeper.attach("loud", start=160_000) as feed:
        assert data_of(read(feed, lambda data, _: data.endswith(b"more\n"))) == b"more\n"
    assert record.with_name("loud.log").read_bytes() == log


def test_a_full_disk_is_noted_and_reading_goes_on(
    small_disk: Path, start: Callable[[], Keeper], read: Reading
) -> None:
    keeper = start()  # after the mount: a keeper has its own view of mounts
    check_that_reading_goes_on(keeper, read, small_disk / "loud", "No space left on device")


def test_a_record_that_may_not_grow_is_noted_and_reading_goes_on(
    keeper: Keeper, read: Reading, tmp_path: Path
) -> None:
    before = resource.prlimit(keeper.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    check_that_reading_goes_on(keeper, read, tmp_path / "loud", "File too large")
    resource.prlimit(keeper.pid, resource.RLIMIT_FSIZE, before)
