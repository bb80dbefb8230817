"""The troubles of a Raspberry Pi on its way to its firmware: what shows each, when it is final, what is said of it.

Those of DHCP stand in `rpi_dhcp_troubles`, the lines that show them in `rpi_lines`. Asserts nothing.
"""

from __future__ import annotations

from support.rpi_case import Case
from support.rpi_dhcp_troubles import DHCP_CASES
from support.rpi_lines import (
    BANNER,
    FAILED,
    FETCHED,
    LEASE,
    LINK,
    MAC,
    OTHER_MAC,
    REFUSED,
    ROOT,
    SERIAL,
    START4,
    TO_NET,
    UEFI,
    dhcp,
    missing,
    sent,
    tftp,
)

CASES: tuple[Case, ...] = (
    *DHCP_CASES,
    Case(
        "wrong serial directory",
        f"it asks for its files in the folder 0badc0de/, and the rig file says that its serial number is {SERIAL}",
        "write `serial: 0badc0de`",
        TO_NET,
        LEASE + missing("0badc0de/start4.elf"),
    ),
    Case(
        "wrong serial directory",
        "it asks for its files in the folder dc-a6-32-01-36-c2/, and .*",
        "TFTP_PREFIX=0",
        log=LEASE + missing("dc-a6-32-01-36-c2/start4.elf"),
    ),
    Case(
        "wrong serial directory",
        "it asks for its files in no folder, and .*",
        "TFTP_PREFIX=0",
        TO_NET + b"TFTP_GET: 02:00:00:00:00:01 10.0.2.100 start4.elf\r\n",
    ),
    Case(
        "start4.elf missing",
        f"it asked for {SERIAL}/start4.elf, which it starts first, and what it is served has no such file",
        "`firmware:`",
        TO_NET,
        LEASE + missing(f"{SERIAL}/start4.elf") + missing(f"{SERIAL}/start.elf") + missing("start4.elf"),
    ),
    Case(
        "start.elf missing",
        r"it asked for bootcode\.bin, which it starts first, and .*",
        "`rpi: files:`",
        log=dhcp(1, "DISCOVER") + dhcp(1, "OFFER", address="10.0.2.11") + missing("bootcode.bin"),
        model="cm3",
    ),
    Case(
        "armstub missing",
        r"its firmware asked for RPI_EFI\.fd, which its config\.txt names, and .*",
        "`via:`",
        TO_NET + START4,
        LEASE + sent(f"{SERIAL}/start4.elf") + missing(f"{SERIAL}/RPI_EFI.fd"),
    ),
    Case(
        "config.txt has no effect",
        r"its firmware asked for kernel8\.img and not for what its config\.txt names: config\.txt had no effect",
        "4096 bytes",
        TO_NET + START4,
        LEASE + sent(f"{SERIAL}/start4.elf") + missing(f"{SERIAL}/kernel8.img"),
        quiet=35,
    ),
    Case(
        "transfer broken off",
        rf"it asked for {SERIAL}/start4\.elf by TFTP, and it fell silent before it had the whole",
        "MTU",
        TO_NET,
        LEASE + sent(f"{SERIAL}/config.txt") + tftp(f"failed sending {ROOT}/{SERIAL}/start4.elf to 10.0.2.11"),
        quiet=35,
    ),
    Case(
        "transfer broken off",
        rf"it asked for {SERIAL}/start4\.elf by TFTP, and it fell silent .*",
        "cable",
        TO_NET + FAILED + TO_NET.removeprefix(BANNER) + FAILED,
        LEASE + sent(f"{SERIAL}/config.txt") + tftp(f"failed sending {ROOT}/{SERIAL}/start4.elf to 10.0.2.11"),
    ),
    Case(
        "transfer broken off",
        rf"it asked for {SERIAL}/RPI_EFI\.fd by TFTP, and the bench could not read it: Permission denied",
        "MTU",
        TO_NET + START4,
        LEASE
        + sent(f"{SERIAL}/start4.elf")
        + tftp(f"cannot access {ROOT}/{SERIAL}/RPI_EFI.fd: Permission denied")
        + missing(f"{SERIAL}/kernel8.img"),
        quiet=35,
    ),
    Case(
        "firmware stands still",
        rf"its firmware fetched {SERIAL}/bcm2711-rpi-cm4\.dtb, and nothing after it that it could start",
        "`armstub` or `kernel`",
        TO_NET + START4,
        LEASE + sent(f"{SERIAL}/start4.elf") + sent(f"{SERIAL}/fixup4.dat") + sent(f"{SERIAL}/bcm2711-rpi-cm4.dtb"),
        quiet=35,
    ),
    Case(
        "firmware without network",
        r"it has start4\.elf and fetched nothing after it that it could start",
        "not cut down",
        log=LEASE + sent(f"{SERIAL}/start4.elf") + sent(f"{SERIAL}/fixup4.dat") + sent(f"{SERIAL}/config.txt"),
        quiet=35,
    ),
    Case(
        "firmware without network",
        r"it has start4\.elf and fetched nothing after it that it could start",
        "not cut down",
        TO_NET + START4,
        LEASE + sent(f"{SERIAL}/start4.elf"),
        quiet=35,
    ),
    Case(
        "no file comes",
        "its bootloader has an address, and no file came to it by TFTP; the last that it asked for is"
        f" {SERIAL}/config.txt; the server's answer: Access violation",
        "UDP port 69",
        TO_NET
        + f"TFTP_GET: 02:00:00:00:00:01 10.0.2.100 {SERIAL}/config.txt\r\nTFTP 2: Access violation\r\n".encode(),
        LEASE,
        quiet=35,
    ),
    Case(
        "no file comes",
        rf"its bootloader has an address, and has {SERIAL}/config\.txt, and no firmware came to it by TFTP; the last"
        rf" that it asked for is {SERIAL}/start4\.elf",
        "UDP port 69",
        TO_NET + f"TFTP_GET: 02:00:00:00:00:01 10.0.2.100 {SERIAL}/start4.elf\r\n".encode(),
        LEASE + sent(f"{SERIAL}/config.txt"),
        quiet=35,
    ),
    Case(
        "brown-out",
        r"its bootloader started 3 times since power-on, and no kernel ran between: .* \(plug: 15\.0 W at most\)",
        "a supply of 3 A",
        BANNER * 3,
    ),
    Case(
        "BOOT_ORDER without network",
        r"its bootloader tries SD \(order f is left\) and will not try the network",
        "BOOT_ORDER=0xf2",
        BANNER + b"Boot mode: SD (01) order f\r\n",
    ),
    Case(
        "BOOT_ORDER without network",
        r"its bootloader tries HTTP \(order f is left\) and will not try the network",
        "BOOT_ORDER=0xf2",
        BANNER + b"Boot mode: HTTP (07) order f\r\nNETWORK: dc:a6:32:01:36:c2 wait for link TFTP: 0.0.0.0\r\n" + LINK,
    ),
    Case(
        "boots from elsewhere",
        "it boots from SD and not over the network",
        "BOOT_ORDER=0xf2",
        BANNER + b"Boot mode: SD (01) order f2\r\nRead start4.elf bytes  2251392 hnd 0x167f\r\n",
    ),
    Case(
        "boots from elsewhere",
        "it boots from its eMMC, a card or a disk: its kernel runs, and its bootloader asked for no address and .*",
        "empty the eMMC",
        b"[    0.000000] Booting Linux on physical CPU 0x0\r\n",
        marks=("kernel",),
    ),
    Case(
        "boots from elsewhere",
        "it boots from its eMMC, a card or a disk: a system on it asks for an address, and its bootloader asked .*",
        "empty the eMMC",
        log=dhcp(1, "DISCOVER", says="MSFT 5.0"),
    ),
    Case(
        "no sign of life",
        r"nothing came from its console, and it asked for nothing on the wire; 02:.*:09 did, and .*",
        f"if that is the board, write `mac: {OTHER_MAC}` for this node; else no power",
        log=REFUSED.replace(MAC.encode(), OTHER_MAC.encode()),
        quiet=100,
    ),
    Case(
        "no sign of life",
        r"nothing came from its console, and it asked for nothing on the wire \(plug: 15\.0 W at most\)",
        "no power, no link, or it boots from elsewhere",
        quiet=100,
    ),
    Case(
        "silent bootloader",
        f"nothing came from its console, though it speaks on the wire and has {SERIAL}/start4.elf",
        "BOOT_UART=1",
        log=LEASE + sent(f"{SERIAL}/start4.elf") + sent(f"{SERIAL}/start4.elf"),
        marks=("pxe",),
        quiet=None,
    ),
    Case(
        "silent console",
        "nothing came from its console, though it fetched all up to what Matchbox has for it",
        "see RX and TX of the cable, and that it is on GPIO 14 and 15; besides, config.txt needs enable_uart=1",
        log=FETCHED,
        marks=("profile",),
        quiet=None,
    ),
    Case(
        "silent console",
        "nothing came from its console after its bootloader, though .*",
        "dtoverlay=disable-bt (or miniuart-bt), or the pins have the mini UART",
        TO_NET + START4 + UEFI,
        FETCHED,
        ("profile",),
        quiet=None,
    ),
    Case(
        "silent firmware",
        "it has UEFI or U-Boot, which says nothing on its console and asks for nothing on the wire",
        "for this model",
        TO_NET + START4 + UEFI,
        FETCHED,
        quiet=None,
    ),
)
