"""Recordings: nothing that was written is lost, and what is read back is what came."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import WallAnchor
from hil.console.recording import CastEvent, Recording, paths, read_cast, read_recording
from hil.console.stream import Chunk
from hil.errors import InfrastructureError

ANCHOR = WallAnchor(monotonic_ns=1_000_000_000, wall_ns=1_795_422_676_500_000_000)


def record(base: Path, *chunks: Chunk) -> None:
    with Recording(base, title="n1", anchor=ANCHOR) as recording:
        for chunk in chunks:
            recording.append(chunk)


def test_a_recording_is_three_files(tmp_path: Path) -> None:
    base = tmp_path / "console.0"
    record(
        base,
        Chunk(2_000_000_000, 1, 0, b"caf\xc3"),
        Chunk(2_500_000_000, 1, 4, b"\xa9 \xff\x1b[2J"),
        Chunk(2_500_000_001, 1, 11, b"\xe2\x82"),
        Chunk(3_000_000_000, 1, 13, b""),
        Chunk(4_000_000_000, 2, 13, b"again\r\n"),
    )
    assert (tmp_path / "console.0.log").read_bytes() == b"caf\xc3\xa9 \xff\x1b[2J\xe2\x82again\r\n"
    assert (tmp_path / "console.0.idx").stat().st_size == 5 * 24
    cast = tmp_path / "console.0.cast"
    header = json.loads(cast.read_text().splitlines()[0])
    assert header == {"version": 2, "width": 120, "height": 40, "timestamp": 1_795_422_676, "title": "n1"}
    assert read_cast(cast) == [
        CastEvent(1.0, "m", "incarnation 1"),
        CastEvent(1.0, "o", "caf"),
        CastEvent(1.5, "o", "\xe9 \ufffd\x1b[2J"),
        CastEvent(2.0, "o", "\ufffd"),
        CastEvent(2.0, "m", "incarnation 1 ended"),
        CastEvent(3.0, "m", "incarnation 2"),
        CastEvent(3.0, "o", "again\r\n"),
    ]


CHUNKS = st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 1), st.binary(max_size=30)), max_size=20)


@given(CHUNKS)
def test_what_is_read_back_is_what_was_appended(chunks: list[tuple[int, int, bytes]]) -> None:
    appended, incarnation, offset = [], 1, 7
    for stamp, step, data in chunks:
        incarnation += step
        appended.append(Chunk(stamp, incarnation, offset, data))
        offset += len(data)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "x"
        record(base, *appended)
        assert read_recording(base) == appended
        lines = paths(base)[2].read_bytes().splitlines()
        events = read_cast(paths(base)[2])
        assert len(events) == len(lines) - 1


@given(st.lists(st.binary(min_size=1, max_size=6) | st.text(min_size=1, max_size=3).map(str.encode), max_size=12))
def test_a_cast_shows_the_text_of_the_bytes_wherever_they_were_cut(pieces: list[bytes]) -> None:
    pieces = [*pieces, b"."]
    offsets = [len(b"".join(pieces[:n])) for n in range(len(pieces))]
    chunks = [Chunk(1, 1, offset, data) for offset, data in zip(offsets, pieces, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder) / "x", *chunks, Chunk(2, 1, len(b"".join(pieces)), b""))
        events = read_cast(Path(folder) / "x.cast")
    assert "".join(event.text for event in events if event.code == "o") == b"".join(pieces).decode("utf-8", "replace")


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_recording_that_was_cut_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    chunks = [Chunk(2_000_000_000 + n, 1, 3 * n, b"%03d" % n) for n in range(20)]
    record(tmp_path / "x", *chunks)
    whole = read_cast(tmp_path / "x.cast")
    for path in (tmp_path / "x.idx", tmp_path / "x.cast"):
        os.truncate(path, path.stat().st_size - cut)
    read = read_recording(tmp_path / "x")
    assert read == chunks[: len(read)]
    assert len(read) == 20 - -(-cut // 24)
    events = read_cast(tmp_path / "x.cast")
    assert events == whole[: len(events)]
    assert len(events) >= 17


def test_an_index_without_its_bytes_is_left_out(tmp_path: Path) -> None:
    record(tmp_path / "x", Chunk(1, 1, 0, b"abc"), Chunk(2, 1, 3, b"def"))
    os.truncate(tmp_path / "x.log", 5)
    assert read_recording(tmp_path / "x") == [Chunk(1, 1, 0, b"abc")]


@given(st.binary(max_size=80))
def test_any_bytes_are_a_cast_or_the_beginning_of_one(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.cast"
        path.write_bytes(b'{"version": 2}\n[1, "o", "a"]\n' + data)
        assert read_cast(path)[0] == CastEvent(1.0, "o", "a")
        path.write_bytes(data)
        read_cast(path)


def test_stamps_before_the_beginning_are_shown_at_its_beginning(tmp_path: Path) -> None:
    record(tmp_path / "x", Chunk(5, 1, 0, b"a"))
    assert [event.seconds for event in read_cast(tmp_path / "x.cast")] == [0.0, 0.0]


def test_records_are_never_overwritten(tmp_path: Path) -> None:
    record(tmp_path / "x", Chunk(1, 1, 0, b"abc"))
    with pytest.raises(InfrastructureError, match=r"x\.log exists already"):
        Recording(tmp_path / "x", title="n1", anchor=ANCHOR)
    assert (tmp_path / "x.log").read_bytes() == b"abc"


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"nowhere/x\.log cannot be written: No such file or directory"):
        Recording(tmp_path / "nowhere" / "x", title="n1", anchor=ANCHOR)


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"x\.log cannot be read"):
        read_recording(tmp_path / "x")
    with pytest.raises(InfrastructureError, match=r"x\.cast cannot be read"):
        read_cast(tmp_path / "x.cast")


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: what a full disk does, for any user."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_error_names_the_file_and_keeps_every_byte_that_fitted(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "x", title="n1", anchor=ANCHOR)
    recording.append(Chunk(1, 1, 0, b"a" * 1000))
    with at_most(2500), pytest.raises(InfrastructureError) as full:
        recording.append(Chunk(2, 1, 1000, b"b" * 2000))
    assert full.value.message == (
        f"the console can no longer be recorded: writing {tmp_path}/x.log: File too large; 2500 bytes are kept"
    )
    assert full.value.evidence == (str(tmp_path / "x.log"),)
    with pytest.raises(InfrastructureError, match="2500 bytes are kept"):
        recording.append(Chunk(3, 1, 3000, b"c"))
    recording.close()
    assert (tmp_path / "x.log").read_bytes() == b"a" * 1000 + b"b" * 1500
    assert read_recording(tmp_path / "x") == [Chunk(1, 1, 0, b"a" * 1000)]


def test_half_an_event_is_taken_back(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "x", title="n1", anchor=ANCHOR)
    recording.append(Chunk(1, 1, 0, b"\x01" * 50))
    whole = (tmp_path / "x.cast").read_bytes()
    with at_most(len(whole) + 9), pytest.raises(InfrastructureError, match=r"writing .*x\.cast: File too large"):
        recording.append(Chunk(2, 1, 50, b"\x01" * 50))
    recording.close()
    assert (tmp_path / "x.cast").read_bytes() == whole
    assert len(read_recording(tmp_path / "x")) == 2


def test_a_header_that_does_not_fit_fails_the_recording(tmp_path: Path) -> None:
    with at_most(10), pytest.raises(InfrastructureError, match=r"x\.cast: File too large; 0 bytes are kept"):
        Recording(tmp_path / "x", title="n1", anchor=ANCHOR)


WRITER = """
    import sys
    from pathlib import Path
    from hil.clock import WallAnchor, now_ns
    from hil.console.recording import Recording
    from hil.console.stream import Chunk

    recording = Recording(Path(sys.argv[1]), title="n1", anchor=WallAnchor.take())
    offset = 0
    for number in range({count}):
        data = b"line %06d \\xff\\xc3\\r\\n" % number
        try:
            recording.append(Chunk(now_ns(), 1, offset, data))
        except Exception as error:
            sys.exit(f"{{type(error).__name__}}: {{error.message}}")
        offset += len(data)
        if {tell}:
            print(offset, flush=True)
"""


def test_what_was_appended_survives_a_sigkill_of_the_writer(tmp_path: Path) -> None:
    script = textwrap.dedent(WRITER.format(count=10**9, tell=True))
    command = [sys.executable, "-c", script, str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(200)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    assert writer.returncode == -signal.SIGKILL
    chunks = read_recording(tmp_path / "x")
    said = b"".join(b"line %06d \xff\xc3\r\n" % number for number in range(len(chunks) + 1))
    kept = (tmp_path / "x.log").read_bytes()
    assert said.startswith(kept)
    assert len(kept) >= told[-1]
    assert sum(len(chunk.data) for chunk in chunks) >= told[-1]
    assert len(read_cast(tmp_path / "x.cast")) >= len(chunks)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    script = tmp_path / "writer.py"
    script.write_text(textwrap.dedent(WRITER.format(count=100_000, tell=False)))
    disk = tmp_path / "disk"
    disk.mkdir()
    fill = (
        'mount -t tmpfs -o size=64k none "$1" || exit 77; "$2" "$3" "$1"/x; status=$?; cp "$1"/x.* "$4"; exit $status'
    )
    words = [str(word) for word in (disk, sys.executable, script, tmp_path)]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", fill, "sh", *words], capture_output=True, text=True, timeout=60
    )
    if done.returncode == 77:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    kept = (tmp_path / "x.log").read_bytes()
    assert f"{len(kept)} bytes are kept" in done.stderr
    chunks = read_recording(tmp_path / "x")
    assert kept.startswith(b"".join(chunk.data for chunk in chunks))
    assert len(chunks) > 100
    lines = (tmp_path / "x.cast").read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)
