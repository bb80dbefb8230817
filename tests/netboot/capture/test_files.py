"""What is written is read by others: the packets by scapy, the index by hil's own reader; and it is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from hil.netboot.capture.files import Files
from hil.timeline.packets.stamps import RECORD, read_stamps


def written(folder: Path, sizes: list[int], limit: int = 1 << 20) -> list[bool]:
    files = Files(str(folder), limit, "made by a test")
    room = [
        files.add(bytes([size]) * size, size + 100, files.monotonic_ns, files.monotonic_ns + size, 5) for size in sizes
    ]
    files.flush()
    files.close()
    return room


def test_packets_of_any_length_can_be_read(tmp_path: Path) -> None:
    sizes = [0, 1, 2, 3, 4, 14, 255]
    assert all(written(tmp_path, sizes))
    anchor, stamps = read_stamps(tmp_path / "packets.idx")
    assert len(stamps) == len(sizes)
    shown = list(RawPcapNgReader(str(tmp_path / "packets.pcapng")))
    assert [raw for raw, _ in shown] == [bytes([size]) * size for size in sizes]
    assert [meta.wirelen for _, meta in shown] == [size + 100 for size in sizes]
    assert [(meta.tshigh << 32 | meta.tslow) - anchor.wall_ns for _, meta in shown] == sizes
    assert {meta.tsresol for _, meta in shown} == {10**9}
    assert {meta.linktype for _, meta in shown} == {1}
    assert b"made by a test" in (tmp_path / "packets.pcapng").read_bytes()


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    assert written(tmp_path, [100, 100, 100], limit=300) == [True, True, False]
    assert len(list(RawPcapNgReader(str(tmp_path / "packets.pcapng")))) == 2
    assert (tmp_path / "packets.idx").stat().st_size == 32 + 2 * RECORD.size


def test_a_note_is_beside_them(tmp_path: Path) -> None:
    files = Files(str(tmp_path), 100, "")
    files.note("one")
    files.note("two")
    files.close()
    assert (tmp_path / "packets.note").read_text() == "one\ntwo\n"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Files(str(tmp_path / "gone"), 100, "")
