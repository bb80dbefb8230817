"""Packets are found where an independent reader finds them, in a file that is cut off anywhere, and never crash it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from hil.errors import InfrastructureError
from hil.timeline.packets.pcapng import Place, places
from tests.support.packets import write_capture

FRAMES = [bytes([number]) * size for number, size in enumerate((60, 61, 62, 63, 1514, 0, 90))]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("capture")
    write_capture(folder, FRAMES)
    return folder / "packets.pcapng"


def test_another_reader_finds_the_same(file: Path) -> None:
    data = file.read_bytes()
    found = places(data)
    assert found.whole
    with RawPcapNgReader(str(file)) as reader:
        theirs = [(packet, meta.wirelen) for packet, meta in reader]
    assert [(data[start:end], length) for start, end, length in found.packets] == theirs
    assert [length for _, length in theirs] == [len(frame) for frame in FRAMES]


def test_a_file_that_is_cut_off_has_the_packets_before(file: Path) -> None:
    data = file.read_bytes()
    whole = places(data).packets
    for end in range(200, len(data)):
        found = places(data[:end])
        assert found.packets == [place for place in whole if _block_end(place) <= end]
        assert found.whole == (end in {_block_end(place) for place in whole} or end == whole[0][0] - 28)


def _block_end(place: Place) -> int:
    """After the padding and the length that follow a packet."""
    start, end, _ = place
    return end + (start - end) % 4 + 4


@given(data=st.binary(max_size=300))
def test_any_bytes_are_no_crash(data: bytes) -> None:
    section = b"\x0a\x0d\x0d\x0a" + (28).to_bytes(4, "little") + b"\x4d\x3c\x2b\x1a\1\0\0\0" + b"\xff" * 8
    for file in (data, section + (28).to_bytes(4, "little") + data):
        with suppress(InfrastructureError):
            places(file)


@pytest.mark.parametrize("data", [b"", b"\x0a\x0d\x0d\x0a" + bytes(40), b"\xd4\xc3\xb2\xa1" + bytes(40)])
def test_another_kind_of_file_is_said(data: bytes) -> None:
    with pytest.raises(InfrastructureError, match="no pcapng file of one machine"):
        places(data)


@pytest.mark.parametrize(("total", "captured"), [(0, 4), (8, 4), (37, 4), (36, 5), (36, 2**32 - 1)])
def test_a_block_of_an_impossible_length_is_the_end(file: Path, total: int, captured: int) -> None:
    data = file.read_bytes()
    fields = (6, total, 0, 0, 0, captured, 4)
    bad = b"".join(field.to_bytes(4, "little") for field in fields) + bytes(40)
    found = places(data + bad)
    assert (len(found.packets), found.whole) == (len(FRAMES), False)
