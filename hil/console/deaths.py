"""Words on a console after which waiting is useless: death patterns, as data.

Each row says what it looks for, what that means, what to do, who is at fault, and when it is final. A wait
may be given another list: rows can be left out (`without`) or added. This module reads no console;
`DeathWatch` in `hil.console.deathwatch` looks for the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from hil.console.ipxe import KNOWN, Known, decode
from hil.console.transcript import printable
from hil.errors import UsageError

Explain = Callable[[re.Match[bytes], str], str]


@dataclass(frozen=True, slots=True)
class Death:
    """One way to die.

    Args:
        name: as people call it.
        pattern: a bounded regular expression; it includes the line's end where the rest of the line
            matters, and a group "at" where the deadly words begin if something before them matters too.
        explain: what happened, from the match and the whole printable line it begins in.
        hint: what to do.
        final: when the words mean the end, and when they do not.
        fault: "node" for what is under test or was given to boot, "bench" for the bench.
        count: how many times in one incarnation they must come.
        unless: a regular expression; a match in a line that holds it is no death.
        begins: a regular expression of the first words of a start, where `count` starts are one death and the pattern
            is not yet in those; what matters is the last line before them.
    """

    name: str
    pattern: bytes
    explain: Explain
    hint: str
    final: str
    fault: Literal["node", "bench"] = "node"
    count: int = 1
    unless: bytes | None = None
    begins: bytes | None = None


def without(deaths: Sequence[Death], *names: str) -> tuple[Death, ...]:
    """The list without these rows.

    Raises:
        UsageError: no row has such a name.
    """
    check_names(deaths, names)
    return tuple(death for death in deaths if death.name not in names)


def check_names(deaths: Sequence[Death], names: Sequence[str]) -> None:
    """Raises UsageError when a name is no row's."""
    unknown = [name for name in names if all(death.name != name for death in deaths)]
    if unknown:
        raise UsageError(
            f"there is no death pattern {unknown[0]!r}",
            hint="the names are: " + ", ".join(death.name for death in deaths),
        )


def _panic(match: re.Match[bytes], line: str) -> str:
    reason = printable(match["reason"])
    for words, meaning in _PANICS:
        if words in reason:
            return f"the kernel panicked: {reason} ({meaning})"
    return f"the kernel panicked: {reason}"


# Linux init/main.c, init/do_mounts.c and kernel/exit.c print these.
_PANICS = (
    ("Unable to mount root fs", "it got no initramfs, or one that it cannot unpack, and no root disk"),
    ("No working init found", "the initramfs or root disk has no init that this architecture can run"),
    ("Requested init", "the init that the arguments name cannot be run"),
    ("Attempted to kill init", "the first process ended"),
    ("System is deadlocked on memory", "the machine's memory is too small"),
    ("Out of memory", "the machine's memory is too small"),
)

# EDK2 NetworkPkg/UefiPxeBcDxe prints these (EfiPxeLoadFile, PxeBcLoadBootFile).
_PXE = {
    b"05": "the boot file is larger than the firmware's buffer",
    b"07": "the network device failed",
    b"09": "the firmware has no memory for the transfer",
    b"12": "there is no network link",
    b"16": "no DHCP server offered an address with a boot file",
    b"18": "the TFTP server did not answer, or stopped answering",
    b"21": "a key cancelled it",
    b"22": "the server's host answered with an ICMP error: nobody serves TFTP there",
    b"23": "the TFTP server answered with an error: mostly, that it does not have the boot file",
    b"53": "the DHCP answer names no boot file",
    b"99": "an unexpected network error",
}


def _pxe(match: re.Match[bytes], line: str) -> str:
    code, words = match["code"], printable(match["words"])
    asked = re.search(rb"NBP filename is ([^\r\n]{1,200})", match.group())
    file = f" (boot file {printable(asked[1]).strip()})" if asked else ""
    return f"the firmware's network boot failed, PXE-E{code.decode()}: {_PXE.get(code, words)}{file}"


def _ipxe(meaning: str) -> Explain:
    def explain(match: re.Match[bytes], line: str) -> str:
        return f"iPXE failed: {meaning}: {line.strip()}"

    return explain


def _ipxe_unknown(match: re.Match[bytes], line: str) -> str:
    meaning = decode(int(match["code"], 16))
    area = f" in {meaning.area}" if meaning.area else ""
    return f"iPXE failed{area} with {meaning.name} ({meaning.words}): {line.strip()}"


# Printed while iPXE looks for a script, tells of a link, or counts packets that were lost (iPXE, src/usr/ifmgmt.c,
# ifstat_errors), and goes on.
_IPXE_GOES_ON = rb"autoexec\.ipxe|Link status|Waiting for link|Link:|\[[TR]XE: \d"
_IPXE_FINAL = (
    "iPXE goes on after an error only where a script says so (`||`, `iseq`, a menu). Final for Matchbox's "
    "own scripts and for those without such a branch; a script that retries needs a list without this row. "
    "A missing autoexec.ipxe and a report of the link are never taken for an error."
)


def _digits(known: Known) -> bytes:
    return known.code.replace(b".", b"[0-9a-f]")


def _ipxe_death(known: Known) -> Death:
    return Death(
        name=known.name,
        pattern=rb"\(https?://ipxe\.org/" + _digits(known) + rb"\)",
        explain=_ipxe(known.meaning),
        hint=known.hint,
        final=_IPXE_FINAL,
        fault="bench" if known.fault == "bench" else "node",
        unless=_IPXE_GOES_ON,
    )


DEFAULT_DEATHS: tuple[Death, ...] = (
    Death(
        name="kernel panic",
        pattern=rb"(?<!end )Kernel panic - not syncing: (?P<reason>[^\r\n]{0,300})[\r\n]",
        explain=_panic,
        hint="read the kernel's last lines; the reason and the call trace stand there",
        final="Always, once the line is complete: the kernel prints it in panic() (Linux kernel/panic.c) "
        "and nowhere else. A program that shows an old log with these words on the console looks the "
        "same.",
    ),
    Death(
        name="initramfs too large",
        pattern=rb"Initramfs unpacking failed: (?P<reason>[^\r\n]{0,120})[\r\n]",
        explain=lambda match, line: f"the initramfs could not be unpacked: {printable(match['reason'])}",
        hint="a write error means too little memory: give the machine more (`memory:` of a rig's node); other words"
        " mean that the archive is damaged, or packed in a way that this kernel does not know",
        final="Always: the kernel goes on with the files that it has unpacked so far (Linux init/initramfs.c, "
        "do_populate_rootfs), and without the others the machine is not the image.",
    ),
    Death(
        name="EDK2 exception",
        pattern=rb"(?:Synchronous|IRQ|FIQ|SError) Exception at (?P<place>0x[0-9A-Fa-f]{1,16})[^0-9A-Fa-f]",
        explain=lambda match, line: (
            f"the firmware, or an EFI program that it started, crashed at {match['place'].decode()}"
        ),
        hint="try another version of the firmware, of iPXE and of the kernel, one at a time; record which crashes",
        final="Always: EDK2's DefaultExceptionHandler (ArmPkg) stops or resets the machine after it.",
    ),
    Death(
        name="EDK2 PXE error",
        pattern=rb">>Start PXE over IPv4(?:(?!>>Start)[\x00-\xff]){0,1500}?"
        rb"(?P<at>PXE-E)(?P<code>\d\d): (?P<words>[^\r\n]{0,120})[\r\n]",
        explain=_pxe,
        hint="read the record of the segment's DHCP and TFTP server; check the boot file's name and the cable",
        final="For this network port over IPv4. The firmware goes on with its next boot "
        "entry (IPv6, HTTP boot, another port), so a rig that boots by one of those "
        "needs a list without this row; errors of IPv6 entries are not looked at.",
    ),
    Death(
        name="nothing to boot",
        pattern=rb'BdsDxe: (?:starting Boot[0-9A-F]{4} "EFI Internal Shell"|No bootable option or device was found)',
        explain=lambda match, line: "the firmware found nothing to boot and gave up",
        hint="see what it says of its network entries above; without a word of DHCP, its network cable is out",
        final="EDK2 has tried every boot entry by then: its shell is the last (ArmVirtPkg, PlatformBootManagerLib), "
        "and without a shell it says so (MdeModulePkg, BdsDxe).",
    ),
    *(_ipxe_death(known) for known in KNOWN),
    Death(
        name="iPXE error",
        pattern=rb"\(https?://ipxe\.org/(?!" + b"|".join(map(_digits, KNOWN)) + rb")(?P<code>[0-9a-f]{8})\)",
        explain=_ipxe_unknown,
        hint="open the address in the parentheses: iPXE's own page on this error",
        final=_IPXE_FINAL,
        unless=_IPXE_GOES_ON,
    ),
    Death(
        name="bench twin's program",
        pattern=rb"bench twin: (?P<what>the guest cannot be started|the guest ended with status"
        rb"|the twin's bootloader has failed)(?P<why>[^\r\n]{0,300})[\r\n]",
        explain=lambda match, line: (
            f"the bench twin cannot go on: {printable(match['what'] + match['why']).strip(' :')}"
        ),
        hint="boot again; if it was ended by a signal, see whether this host ran out of memory (`dmesg`)",
        final="Always: the bench twin's board prints it when the program that plays it was killed or has failed"
        " (`hil.sim.guest`, `hil.sim.rom.player`). Nothing else of the board is left that could go on.",
        fault="bench",
    ),
    Death(
        name="reboot loop",
        pattern=rb"UEFI firmware \(version ",
        explain=lambda match, line: "the machine started its firmware for the third time without becoming ready",
        hint="read what it printed before each restart; the kernel argument `panic=0` keeps it from restarting",
        final="At the third banner of EDK2 (ArmPlatformPkg/PrePi) in one incarnation. `Console.rearm` begins the "
        "count anew: it is called when the machine is ready, and before a reset on purpose.",
        count=3,
        # A Raspberry Pi's first words (raspberrypi/rpi-eeprom issues 376 and 687; of a BCM2837, raspberrypi/firmware
        # issue 1292). It prints more lines before EDK2's banner than are shown.
        begins=rb"Pi: (?:BOOTLOADER|BOOTSYS) release |Raspberry Pi Bootcode|UEFI firmware \(version ",
    ),
)
