"""Words on a console begin stages, once each, wherever the bytes are cut, and only in their own boot."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.lines import Lines

BOOT = (
    b"UEFI firmware (version 2022.11-6+deb12u2 built at 12:00:00 on Nov  5 2024)\r\n"
    b"\x1b[2J\x1b[01;01H\r\n>>Start PXE over IPv4.\r\n  Station IP address is 10.0.2.15\r\n"
    b" NBP filename is ipxe-arm64.efi\r\n Downloading NBP file...\r\n\r\n  NBP file downloaded successfully.\r\n"
    b"iPXE initialising devices...\r\nautoexec.ipxe... ok\r\n\r\n\r\n"
    b"\x1b[1m\x1b[37m\x1b[40miPXE 1.21.1+git20250501\x1b[0m\x1b[37m -- Open Source Network Boot Firmware -- \r\n"
    b"http://10.0.2.100:8080/boot.ipxe... ok\r\nipxe... ok\r\nhttp://10.0.2.100:8080/ipxe?uuid=1-2&mac=52... ok\r\n"
    b"/assets/probe/kernel...  12%\x08\x08\x08\x08\x08     \x08\x08\x08\x08\x08 99%\x08\x08\x08 ok\r\n"
    b"http://10.0.2.100:8080/assets/probe/initramfs.cpio... ok\r\n/assets/extension.cpio... ok\r\n"
    b"EFI stub: Booting Linux Kernel...\r\n"
    b"[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]\r\n"
    b"[    2.1] Run /init as init process\r\nhil-probe: userspace\r\nfile... ok\r\n"
)
STAGES = [
    *("firmware", "pxe", "nbp", "ipxe", "kernel-fetched", "initrd-fetched", "initrd-fetched", "kernel", "userspace"),
]


def grow(transcript: Transcript, data: bytes, incarnation: int, stamp_ns: int) -> None:
    transcript.append(Chunk(stamp_ns, incarnation, transcript.end, data))


def test_a_boot_read_whole() -> None:
    transcript = Transcript()
    grow(transcript, BOOT, 1, 7)
    marks = ConsoleMarks(transcript, after=0, userspace=re.compile(rb"hil-probe: userspace")).take()
    assert [mark.stage for mark in marks] == STAGES
    assert all(mark.at_ns == 7 for mark in marks)
    assert marks[4].evidence.startswith("/assets/probe/kernel")


@given(cuts=st.lists(st.integers(1, len(BOOT) - 1), max_size=40))
def test_a_boot_cut_anywhere_gives_the_same_stages(cuts: list[int]) -> None:
    transcript = Transcript()
    follower = ConsoleMarks(transcript, after=0, userspace=re.compile(rb"hil-probe: userspace"))
    stages = []
    borders = [0, *sorted(set(cuts)), len(BOOT)]
    for stamp, (start, end) in enumerate(itertools.pairwise(borders)):
        grow(transcript, BOOT[start:end], 1, stamp)
        stages += [mark.stage for mark in follower.take()]
    assert stages == STAGES


def test_of_a_line_without_an_end_only_the_end_is_looked_at_again() -> None:
    transcript = Transcript()
    lines, marks = Lines(transcript, after=0), ConsoleMarks(transcript, after=0)
    longest = 0
    for stamp in range(100):
        grow(transcript, b"\r  7 % of 9999 [====>      ]" * 20, 1, stamp)
        longest = max(longest, *(len(line.data) for line in lines.take()))
        assert marks.take() == []
    assert longest < 1 << 15
    # Words that come in two pieces, just where it is cut.
    grow(transcript, b"." * 20_000 + b"UEFI firm", 1, 100)
    assert marks.take() == []
    grow(transcript, b"ware (version 2022.11) ", 1, 101)
    assert [(mark.stage, mark.at_ns) for mark in marks.take()] == [("firmware", 101)]
    grow(transcript, b"\r" * 20_000, 1, 102)
    assert marks.take() == []


def test_u_boot_is_a_firmware_too() -> None:
    transcript = Transcript()
    said = b"\r\nU-Boot 2024.01 (Jan 08 2024 - 15:37:48 +0000)\r\nBOOTP broadcast 1\r\nBOOTP broadcast 2\r\n"
    grow(transcript, said, 1, 1)
    marks = ConsoleMarks(transcript, after=0).take()
    assert [(mark.stage, mark.evidence) for mark in marks] == [
        ("firmware", "U-Boot 2024.01"),
        ("pxe", "BOOTP broadcast 1"),
    ]


def test_an_earlier_boot_is_not_this_one() -> None:
    transcript = Transcript()
    grow(transcript, BOOT, 1, 1)
    follower = ConsoleMarks(transcript, after=1)
    assert follower.take() == []
    grow(transcript, BOOT[:80], 2, 2)
    assert [(mark.stage, mark.at_ns) for mark in follower.take()] == [("firmware", 2)]
    assert follower.take() == []


@given(data=st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    transcript = Transcript()
    if data:
        grow(transcript, data, 1, 1)
    ConsoleMarks(transcript, after=0).take()


def test_lines_come_once_and_the_last_one_grows() -> None:
    transcript = Transcript()
    lines = Lines(transcript, after=0)
    grow(transcript, b"one\ntw", 1, 1)
    assert [(line.start, line.data, line.complete) for line in lines.take()] == [
        (0, b"one\n", True),
        (4, b"tw", False),
    ]
    grow(transcript, b"o\n", 1, 2)
    assert [line.data for line in lines.take()] == [b"two\n"]
    assert lines.take() == []


def test_a_machine_that_starts_again_has_its_stages_again() -> None:
    transcript = Transcript()
    grow(transcript, BOOT + BOOT, 1, 1)
    assert [mark.stage for mark in ConsoleMarks(transcript, after=0).take()] == STAGES + STAGES
