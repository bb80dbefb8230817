"""The recording of one console: its bytes, their stamps, and an asciicast to play back.

Three files grow side by side, each append being on its way to the kernel before `append` returns, so that
what was received survives a SIGKILL of the writer at any moment:

* BASE.log: the bytes as the keeper gives them, nothing else;
* BASE.idx: one record of 24 bytes for each chunk (stamp, incarnation, offset, length), big-endian;
* BASE.cast: asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/), borders of
  incarnations as markers.

They are written in that order, so a cut leaves bytes without an index record, never the reverse. Reading
them back is tolerant: what is whole is returned. Nothing here waits, or knows what the bytes mean.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from hil.clock import NANOSECONDS, WallAnchor
from hil.console.stream import Chunk
from hil.errors import InfrastructureError

_INDEX = struct.Struct(">QIQI")


@dataclass(frozen=True, slots=True)
class CastEvent:
    """One event of an asciicast.

    Args:
        seconds: since the recording began.
        code: "o" for output, "m" for a marker.
        text: what was shown, or the marker's label.
    """

    seconds: float
    code: str
    text: str


class Recording:
    """Writes one stream's recording; whoever made it closes it.

    Args:
        base: path of the three files without their endings; the folder must exist.
        title: shown by players.
        anchor: taken when the recording begins: second 0 of the cast.
        width: columns of the screen that a player draws.
        height: its rows.

    Raises:
        InfrastructureError: a file exists already (records are never overwritten) or cannot be made.
    """

    def __init__(self, base: Path, *, title: str, anchor: WallAnchor, width: int = 120, height: int = 40) -> None:
        self.log_path, self.index_path, self.cast_path = paths(base)
        self._anchor = anchor
        self._incarnation = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._failed: str | None = None
        with contextlib.ExitStack() as made:
            self._log = made.enter_context(_GrowingFile(self.log_path))
            self._index = made.enter_context(_GrowingFile(self.index_path))
            self._cast = made.enter_context(_GrowingFile(self.cast_path))
            header = {
                "version": 2,
                "width": width,
                "height": height,
                "timestamp": anchor.wall_ns // NANOSECONDS,
                "title": title,
            }
            self._guarded(self._cast, json.dumps(header).encode() + b"\n")
            made.pop_all()

    def append(self, chunk: Chunk) -> None:
        """Write one chunk to all three files.

        Raises:
            InfrastructureError: a write failed (disk full). Bytes that were written stay, a record that was
                cut short in BASE.idx or BASE.cast is taken back, and every later append raises the same
                again.
        """
        if self._failed is not None:
            raise self._write_error(self._failed)
        self._guarded(self._log, chunk.data, keep_part=True)
        self._guarded(self._index, _INDEX.pack(chunk.stamp_ns, chunk.incarnation, chunk.offset, len(chunk.data)))
        self._guarded(self._cast, self._cast_lines(chunk))

    def close(self) -> None:
        """Close the files; more than once does no harm."""
        for file in (self._log, self._index, self._cast):
            file.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cast_lines(self, chunk: Chunk) -> bytes:
        seconds = max(0, chunk.stamp_ns - self._anchor.monotonic_ns) / NANOSECONDS
        events: list[tuple[str, str]] = []
        ended = not chunk.data
        if ended or chunk.incarnation != self._incarnation:
            # A character that the border cut in two never gets its rest.
            events.append(("o", self._decoder.decode(b"", final=True)))
            self._decoder.reset()
        if chunk.incarnation != self._incarnation:
            events.append(("m", f"incarnation {chunk.incarnation}"))
            self._incarnation = chunk.incarnation
        if ended:
            events.append(("m", f"incarnation {chunk.incarnation} ended"))
        events.append(("o", self._decoder.decode(chunk.data)))
        return b"".join(json.dumps([round(seconds, 6), code, text]).encode() + b"\n" for code, text in events if text)

    def _guarded(self, file: _GrowingFile, data: bytes, *, keep_part: bool = False) -> None:
        try:
            file.write(data, keep_part=keep_part)
        except OSError as error:
            self._failed = f"{file.path}: {error.strerror}"
            raise self._write_error(self._failed) from error

    def _write_error(self, what: str) -> InfrastructureError:
        return InfrastructureError(
            f"the console can no longer be recorded: writing {what}; {self._log.size} bytes are kept",
            hint="free space where the records are kept, or keep them elsewhere, and run again",
            evidence=[self.log_path],
        )


class _GrowingFile:
    """A file that only grows, written without a buffer; no part of a record stays unless it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o644)
        except FileExistsError as error:
            raise InfrastructureError(
                f"the record {path} exists already; records are never overwritten",
                hint="record into a new folder, or move the old record away",
            ) from error
        except OSError as error:
            raise InfrastructureError(
                f"the record {path} cannot be written: {error.strerror}",
                hint="see that its folder exists, belongs to you and is on a disk with space",
            ) from error

    def write(self, data: bytes, *, keep_part: bool) -> None:
        """Write all of `data`; on failure leave whole records only, or every byte that fitted."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:] if done else data)
        except OSError:
            if done and not keep_part:
                with contextlib.suppress(OSError):  # the write error is the one to report
                    os.ftruncate(self._descriptor, self.size)
                done = 0
            raise
        finally:
            self.size += done

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> _GrowingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def paths(base: Path) -> tuple[Path, Path, Path]:
    """The log, index and cast of the recording at `base`."""
    log, index, cast = (base.with_name(base.name + ending) for ending in (".log", ".idx", ".cast"))
    return log, index, cast


def read_recording(base: Path) -> list[Chunk]:
    """The chunks of a recording, as they were appended; a last one whose record was cut is left out.

    Raises:
        InfrastructureError: BASE.log or BASE.idx cannot be read.
    """
    log_path, index_path, _ = paths(base)
    log, index = _read(log_path), _read(index_path)
    chunks: list[Chunk] = []
    place = 0
    for start in range(0, len(index) - _INDEX.size + 1, _INDEX.size):
        stamp, incarnation, offset, length = _INDEX.unpack_from(index, start)
        if place + length > len(log):
            break
        chunks.append(Chunk(stamp, incarnation, offset, log[place : place + length]))
        place += length
    return chunks


def read_cast(path: Path) -> list[CastEvent]:
    """The events of an asciicast v2 up to the first line that is not one (the last, after a SIGKILL).

    Raises:
        InfrastructureError: the file cannot be read.
    """
    events: list[CastEvent] = []
    for line in _read(path).split(b"\n")[1:-1]:
        event = _parse_event(line)
        if event is None:
            break
        events.append(event)
    return events


def _parse_event(line: bytes) -> CastEvent | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case [int() | float() as seconds, str() as code, str() as text]:
            return CastEvent(float(seconds), code, text)
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InfrastructureError(
            f"the record {path} cannot be read: {error.strerror}",
            hint="name the record without its ending, as in its folder",
        ) from error
