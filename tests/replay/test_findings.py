"""What the parsers find in a recording, and that a change of what they find is seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.console.stream import Chunk
from hil.errors import UsageError
from hil.replay.findings import SCHEMA, as_text, differences, replayed, stored
from hil.replay.source import Source

SAID = (
    b"RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r\n"
    b"Boot mode: NETWORK (02) order f\r\nLINK STATUS: speed: 1000 full duplex\r\n",
    b"UEFI firmware (version x)\r\nEFI stub: Booting Linux Kernel...\r\n",
    b"[    1.000000] Kernel panic - not syncing: No working init found.\r\n",
)


def source_of(*said: bytes, timed: bool = True) -> Source:
    chunks, offset = [], 40
    for number, data in enumerate(said):
        chunks.append(Chunk(number * 500_000_000, 3, offset, data))
        offset += len(data)
    return Source(tuple(chunks), 0, timed)


def test_marks_deaths_and_the_bootloader_are_found() -> None:
    findings = replayed(source_of(*SAID))
    assert [mark.stage for mark in findings.marks] == ["eeprom", "link", "firmware", "kernel"]
    assert [death.death.name for death in findings.deaths] == ["kernel panic"]
    document = findings.document()
    assert document["schema"] == SCHEMA
    assert document["bootloader"] == {
        "version": "5f18ffb6",
        "built": "2024-07-30",
        "order": "0xf2",
        "link": "LINK STATUS: speed: 1000 full duplex",
        "modes": ["NETWORK (02)"],
    }
    assert replayed(source_of(*SAID[1:])).document()["bootloader"] is None


def test_seconds_are_the_recordings_own_or_none() -> None:
    def seconds(*, timed: bool) -> list[object]:
        marks = replayed(source_of(*SAID, timed=timed)).document()["marks"]
        assert isinstance(marks, list)
        return [mark["seconds"] for mark in marks]

    assert seconds(timed=True) == [0.0, 0.0, 0.5, 0.5]
    assert seconds(timed=False) == [None] * 4


def test_what_was_stored_is_found_again_and_a_change_is_shown() -> None:
    document = replayed(source_of(*SAID)).document()
    before = stored(as_text(document), "kept.json")
    assert differences(before, document) == []
    changed = differences(before, replayed(source_of(*SAID[:2])).document())
    assert any(line.startswith("-") and "kernel panic" in line for line in changed)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "hil.boot/1"}', "[" * 100_000])
def test_another_file_is_no_stored_result(text: str) -> None:
    with pytest.raises(UsageError, match=r"kept\.json is no stored result"):
        stored(text, "kept.json")


@settings(max_examples=unless_quick(40))
@given(st.lists(st.binary(min_size=1, max_size=60) | st.sampled_from(SAID), min_size=1, max_size=6))
def test_any_bytes_are_heard_and_found_the_same_again(said: list[bytes]) -> None:
    first, second = (replayed(source_of(*said)).document() for _ in range(2))
    assert differences(first, stored(as_text(second), "it")) == []
