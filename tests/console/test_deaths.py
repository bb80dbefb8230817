"""Death patterns: each row on the words its program prints, and on words near it that are no death."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.console.deaths import DEFAULT_DEATHS, Death, without
from hil.console.deathwatch import Casualty, DeathWatch
from hil.console.expect import bounded
from hil.console.ipxe import KNOWN, decode
from hil.console.stream import Chunk
from hil.console.transcript import Transcript, printable
from hil.errors import UsageError

PXE = (
    b"UEFI firmware (version  built at 13:10:49 on Nov  5 2024)\r\n\x1b[2J\x1b[01;01H\r\n>>Start PXE over IPv4.\r\n"
    b"  Station IP address is 10.0.1.15\r\n\r\n  Server IP address is 10.0.1.2\r\n  NBP filename is nbp.efi\r\n"
    b"  NBP filesize is 0 Bytes\r\n"
)


def watch(*said: bytes, deaths: tuple[Death, ...] = DEFAULT_DEATHS) -> Casualty | None:
    transcript = Transcript()
    watcher = DeathWatch(deaths, transcript, 0)
    for data in said:
        transcript.append(Chunk(1, 1, transcript.end, data))
        watcher.look()
    return watcher.look()


@pytest.mark.parametrize(
    ("said", "name", "explanation"),
    [
        (
            b"[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n",
            "kernel panic",
            "the kernel panicked: VFS: Unable to mount root fs on unknown-block(0,0)"
            " (it got no initramfs, or one that it cannot unpack, and no root disk)",
        ),
        (b"Kernel panic - not syncing: odd\n", "kernel panic", "the kernel panicked: odd"),
        (
            b"[    0.751] Initramfs unpacking failed: write error\n",
            "initramfs too large",
            "the initramfs could not be unpacked: write error",
        ),
        (
            b"bench twin: the guest ended with status -9: \r\n",
            "bench twin's program",
            "the bench twin cannot go on: the guest ended with status -9",
        ),
        (
            b"bench twin: the twin's bootloader has failed (signal SIGKILL): it said nothing\r\n",
            "bench twin's program",
            "the bench twin cannot go on: the twin's bootloader has failed (signal SIGKILL): it said nothing",
        ),
        (
            b"\r\nSynchronous Exception at 0x0000000081310C90\r\n",
            "EDK2 exception",
            "the firmware, or an EFI program that it started, crashed at 0x0000000081310C90",
        ),
        (
            PXE + b"  PXE-E23: Client received TFTP error from server.\r\n",
            "EDK2 PXE error",
            "the firmware's network boot failed, PXE-E23: the TFTP server answered with an error: mostly, that it does"
            " not have the boot file (boot file nbp.efi)",
        ),
        (
            b">>Start PXE over IPv4.\r\n  PXE-E16: No valid offer received.\r\n",
            "EDK2 PXE error",
            "the firmware's network boot failed, PXE-E16: no DHCP server offered an address with a boot file",
        ),
        (
            b'BdsDxe: failed to load Boot0001 "UEFI PXEv4 (MAC:525400CFB837)" from PciRoot(0x0)/...: Not Found\r\n'
            b'BdsDxe: loading Boot0005 "EFI Internal Shell" from Fv(64074AFE)\r\n'
            b'BdsDxe: starting Boot0005 "EFI Internal Shell" from Fv(64074AFE)\r\n',
            "nothing to boot",
            "the firmware found nothing to boot and gave up",
        ),
        (b"BdsDxe: No bootable option or device was found.\r\n", "nothing to boot", None),
        (
            b"http://10.0.1.5:8080/ipxe?mac=52-54... No such file or directory (https://ipxe.org/2d0c618e)\r\n",
            "iPXE HTTP 404",
            "iPXE failed: the HTTP server answered 404, not found:"
            " http://10.0.1.5:8080/ipxe?mac=52-54... No such file or directory (https://ipxe.org/2d0c618e)",
        ),
        (b"x... (http://ipxe.org/2d12618e)\n", "iPXE TFTP file not found", None),
        (b"x... Network unreachable (https://ipxe.org/280a6090)\n", "iPXE unreachable", None),
        (b"net0... No configuration methods (https://ipxe.org/040ee119)\n", "iPXE no DHCP answer", None),
        (b"kernel... Exec format error (https://ipxe.org/2e008081)\n", "iPXE exec format", None),
        (
            b"Could not boot: Error 0x7f048183 (https://ipxe.org/7f048183)\r\n",
            "iPXE EFI image not loaded",
            "iPXE failed: the firmware cannot load the kernel that was fetched: it is for another architecture, cut"
            " short, or no EFI program: Could not boot: Error 0x7f048183 (https://ipxe.org/7f048183)",
        ),
        (b"Could not boot: Error 0x7f04828e (https://ipxe.org/7f04828e)\n", "iPXE EFI image not started", None),
        (
            b"Could not boot: Result too large (https://ipxe.org/46162085)\n",
            "iPXE command line",
            "iPXE failed: a command of its script has too few or too many arguments:"
            " Could not boot: Result too large (https://ipxe.org/46162085)",
        ),
        (
            b"\nhttp://10.0.1.77/kernel..."
            + b". [connecting]".ljust(27, b"\x08") * 40
            + b" Connection timed out (https://ipxe.org/4c0a6092)\n",
            "iPXE timeout",
            "iPXE failed: no answer came from the URL's address: http://10.0.1.77/kernel..."
            + "." * 40
            + " Connection timed out (https://ipxe.org/4c0a6092)",
        ),
        (b"x... Connection timed out (https://ipxe.org/4c0a6092)\n", "iPXE timeout", None),
        (b"x... Connection refused (https://ipxe.org/0e0a6095)\n", "iPXE connection refused", None),
        (b"x... Connection reset (https://ipxe.org/0f0a6095)\n", "iPXE connection reset", None),
        (b"x... (https://ipxe.org/3e11618e)\n", "iPXE DNS", None),
        (b"x... (https://ipxe.org/1d0c6290)\n", "iPXE short transfer", None),
        (
            b"x... Error 0x420a6095 (https://ipxe.org/430c6095)\n",
            "iPXE error",
            "iPXE failed in HTTP with EPROTO (Protocol error): x... Error 0x420a6095 (https://ipxe.org/430c6095)",
        ),
    ],
)
def test_deadly_words_are_seen_and_explained_however_they_arrive(
    said: bytes, name: str, explanation: str | None
) -> None:
    for chunks in ([said], [said[i : i + 1] for i in range(len(said))], [said[:-9], said[-9:]]):
        casualty = watch(*chunks)
        assert casualty is not None
        assert casualty.death.name == name
        assert explanation is None or casualty.explanation == explanation


@pytest.mark.parametrize(
    "said",
    [
        b"---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n",
        b"tftp://10.0.1.2/autoexec.ipxe... Not found (https://ipxe.org/2d12618e)\r\n",
        b"  [Link status: Down (https://ipxe.org/38086193)]\r\n",
        b"Waiting for link-up on net0... Down (https://ipxe.org/38086193)\r\n",
        b'  [TXE: 1 x "Network unreachable (https://ipxe.org/28086090)"]\r\n',
        b"iPXE 1.21.1 -- Open Source Network Boot Firmware -- https://ipxe.org\r\n",
        PXE + b"  NBP file downloaded successfully.\r\n",
        b">>Start PXE over IPv4.\r\n>>Start PXE over IPv6.\r\n  PXE-E16: No valid offer received.\r\n",
        b"UEFI firmware (version 1)\r\nUEFI firmware (version 1)\r\n",
    ],
)
def test_words_like_deadly_ones_are_no_death(said: bytes) -> None:
    assert watch(said, b"\nthe next line\n") is None


def test_a_panic_waits_for_the_rest_of_its_line() -> None:
    assert watch(b"Kernel panic - not syncing: VFS: Unable to mou") is None


def test_a_death_after_an_overlooked_line_is_still_seen() -> None:
    said = b"autoexec.ipxe... (https://ipxe.org/2d12618e)\nkernel... (https://ipxe.org/2d12618e)\n"
    casualty = watch(said)
    assert casualty is not None
    assert casualty.start == said.rindex(b"(https")


def test_the_third_firmware_banner_is_a_reboot_loop() -> None:
    banner = b"UEFI firmware (version 2022.11)\r\nboot\r\n"
    assert watch(banner, banner) is None
    casualty = watch(banner, banner, banner)
    assert casualty is not None
    assert casualty.death.name == "reboot loop"
    assert casualty.start == 2 * len(banner)


EDK2 = b"UEFI firmware (version 2022.11)\r\n>>Start PXE over IPv4.\r\n"
BOOTLOADER = (
    b"RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30\r\n  0.38 RPi: BOOTLOADER release VERSION:5f18ffb6\r\n"
    + b"".join(b"  4.%02d NET %d\r\n" % (number, number) for number in range(20))
)


@pytest.mark.parametrize("first", [b"", BOOTLOADER], ids=["guest", "module"])
@pytest.mark.parametrize("last", [b"[ 1.6] reboot: Restarting system", b"[ 0.9] brcm-pcie: link up"])
def test_what_was_said_last_before_the_third_start_is_what_matters(first: bytes, last: bytes) -> None:
    starts = [first + EDK2 + b"Booting Linux\r\n" + words + b"\r\n\r\n" for words in (b"other", last)]
    casualty = watch(*starts, first + EDK2)
    assert casualty is not None
    assert casualty.line == last.decode()


def test_a_loop_of_the_firmware_alone_has_its_own_last_line() -> None:
    casualty = watch(EDK2, EDK2, EDK2)
    assert casualty is not None
    assert casualty.line == ">>Start PXE over IPv4."


def test_a_reboot_loop_names_the_panic_that_was_passed_over() -> None:
    banner = b"UEFI firmware (version 2022.11)\r\n"
    transcript = Transcript()
    watcher = DeathWatch(DEFAULT_DEATHS, transcript, 0)
    with watcher.aside("kernel panic"):
        for said in (
            banner,
            b"Kernel panic - not syncing: first\n",
            banner,
            b"Kernel panic - not syncing: odd\n",
            banner,
        ):
            transcript.append(Chunk(1, 1, transcript.end, said))
    casualty = watcher.look()
    assert casualty is not None
    assert casualty.explanation == (
        "the machine started its firmware for the third time without becoming ready;"
        " before that, the kernel panicked: odd"
    )


def test_the_place_of_a_pxe_error_is_the_error_not_the_attempt() -> None:
    said = PXE + b"  PXE-E18: Server response timeout.\r\n"
    casualty = watch(said)
    assert casualty is not None
    assert casualty.start == said.index(b"PXE-E18")


def test_counts_begin_anew_with_an_incarnation_or_when_rearmed() -> None:
    banner = b"UEFI firmware (version 2022.11)\r\n"
    transcript = Transcript()
    watcher = DeathWatch(DEFAULT_DEATHS, transcript, 0)
    for incarnation in (1, 1, 2, 2):
        transcript.append(Chunk(1, incarnation, transcript.end, banner))
        assert watcher.look() is None
    watcher.rearm()
    transcript.append(Chunk(1, 2, transcript.end, banner * 2))
    assert watcher.look() is None
    transcript.append(Chunk(1, 2, transcript.end, banner))
    assert watcher.look() is not None


def test_bytes_that_were_lost_do_not_undo_a_death_nor_a_count() -> None:
    banner = b"UEFI firmware (version 2022.11)\r\n"
    transcript = Transcript()
    watcher = DeathWatch(DEFAULT_DEATHS, transcript, 0)
    for _ in range(3):
        assert watcher.look() is None
        transcript.append(Chunk(1, 1, transcript.end + 100, banner))
    assert watcher.look() is not None
    transcript.append(Chunk(1, 1, transcript.end + 100, b"more"))
    assert watcher.look() is not None


def test_rows_can_be_left_out_by_name() -> None:
    rest = without(DEFAULT_DEATHS, "kernel panic")
    assert watch(b"Kernel panic - not syncing: x\n", deaths=rest) is None
    assert watch(b"x (https://ipxe.org/2d0c618e)", deaths=without(DEFAULT_DEATHS, "iPXE HTTP 404")) is None
    with pytest.raises(UsageError, match="no death pattern 'kernel-panic'") as refused:
        without(DEFAULT_DEATHS, "kernel-panic")
    assert "kernel panic, " in refused.value.hint


def test_every_row_is_bounded_named_once_and_says_when_it_is_final() -> None:
    names = [death.name for death in DEFAULT_DEATHS]
    assert len(set(names)) == len(names)
    for death in DEFAULT_DEATHS:
        assert bounded(death.pattern).reach < 2500
        assert death.hint
        assert death.final.endswith(".")


NASTY = st.lists(
    st.sampled_from(
        [
            b"Kernel panic - not syncing: ",
            b">>Start PXE over IPv4",
            b"PXE-E9",
            b"9: ",
            b"(https://ipxe.org/",
            b"ffffffff)",
            b"2d0c618e)",
            b"Synchronous Exception at 0x1",
            b"UEFI firmware (version ",
            b"\x00\xff\x1b[",
            b"\r",
            b"\n",
        ]
    )
    | st.binary(max_size=6),
    max_size=30,
)


@given(NASTY)
def test_no_bytes_break_the_watch_and_all_at_once_dies_as_piece_by_piece(pieces: list[bytes]) -> None:
    whole, by_piece = watch(b"".join(pieces) + b"."), watch(*pieces, b".")
    assert (whole is None) == (by_piece is None)
    if whole is not None:
        assert printable(whole.explanation.encode()) == whole.explanation


@given(st.integers(0, 0xFFFFFFFF))
def test_every_ipxe_code_has_a_meaning(code: int) -> None:
    meaning = decode(code)
    assert meaning.name
    assert meaning.words


@pytest.mark.parametrize(
    ("code", "name", "area"),
    [
        (0x2D0C618E, "ENOENT", "HTTP"),
        (0x2D12618E, "ENOENT", "TFTP"),
        (0x280A6090, "ENETUNREACH", "TCP"),
        (0x040EE119, "EADDRNOTAVAIL", "interface configuration"),
        (0x38086193, "ENOTCONN", "network device"),
        (0x2E008081, "ENOEXEC", "image loading"),
        (0x3C092083, "ENOTSUP", "opening a URI"),
        (0x4C0A6092, "ETIMEDOUT", "TCP"),
        (0x7F000000, "error 0x7f", ""),
    ],
)
def test_codes_seen_in_the_field_decode(code: int, name: str, area: str) -> None:
    meaning = decode(code)
    assert (meaning.name, meaning.area) == (name, area)


def test_known_codes_are_patterns_of_eight_digits() -> None:
    for known in KNOWN:
        assert re.fullmatch(rb"(?:[0-9a-f.|()?:]|\[\d+\])+", known.code)
        sample = re.sub(rb"\(\?:(\w+)\|\w+\)", rb"\1", known.code).replace(b"[145]", b"1")
        assert len(sample) == 8, known
