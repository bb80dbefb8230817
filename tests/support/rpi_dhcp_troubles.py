"""The troubles of a Raspberry Pi that comes to no address to fetch from. The lines that show them are `rpi_lines`'."""

from __future__ import annotations

from support.rpi_case import Case
from support.rpi_lines import (
    BANNER,
    BESIDE,
    FAILED,
    LINK,
    MAC,
    NET,
    NETWORK,
    OTHER_MAC,
    OTHER_TEXT,
    OURS,
    REFUSED,
    ROUTER,
    TEXT,
    UNSHOWN,
    dhcp,
)

DHCP_CASES: tuple[Case, ...] = (
    Case(
        "no link",
        "its bootloader waits for a link on its network port, and there is none",
        "see both ends of its network cable",
        BANNER + NETWORK,
        quiet=50,
    ),
    Case(
        "no link",
        "its bootloader waits for a link .*",
        "cable",
        BANNER + (NETWORK + FAILED) * 2,
    ),
    Case(
        "asks elsewhere",
        "its bootloader has a link and asks for an address, and nothing of that reaches the bench",
        "VLANs",
        BANNER + NETWORK + LINK,
        quiet=50,
    ),
    Case(
        "DHCP ignores it",
        "its bootloader asked the bench for an address and got no answer: no address available",
        "`mac:`",
        BANNER + NETWORK + LINK,
        dhcp(1, "DISCOVER") + f"dnsmasq-dhcp: 1 DHCPDISCOVER(lan0) {MAC} no address available\n".encode(),
        quiet=50,
    ),
    Case(
        "DHCP ignores it",
        "its bootloader asked the bench for an address and got no answer: no address available",
        "`mac:`",
        BANNER + NETWORK + LINK,
        REFUSED,
        quiet=50,
    ),
    Case(
        "asks elsewhere",
        f"its bootloader has a link and .* the bench; {OTHER_MAC} did, and the rig file does not name that port",
        f"if that is the board, write `mac: {OTHER_MAC}`",
        BANNER + b"Wait for Link up\r\n" + LINK,
        REFUSED.replace(MAC.encode(), OTHER_MAC.encode()),
        quiet=50,
    ),
    Case(
        "another MAC address",
        f"its bootloader says that its port has the MAC address {OTHER_MAC}, and the rig file says {MAC}, .*",
        f"write `mac: {OTHER_MAC}`",
        BANNER + NETWORK.replace(MAC.encode(), OTHER_MAC.encode()) + LINK,
        REFUSED.replace(MAC.encode(), OTHER_MAC.encode()),
    ),
    Case(
        "another MAC address",
        f"its bootloader says that its port has the MAC address {OTHER_MAC}, .*",
        f"write `mac: {OTHER_MAC}`",
        BANNER
        + NETWORK.replace(MAC.encode(), OTHER_MAC.encode())
        + LINK
        + ROUTER
        + NET.replace(b"10.0.2.100", b"192.168.1.1"),
    ),
    Case(
        "answers lost",
        "its bootloader asked 2 times for an address, the bench answered, and the board heard nothing",
        "DHCP snooping",
        BANNER + NETWORK + LINK,
        BESIDE * 2,
        quiet=50,
    ),
    Case(
        "answers lost",
        "its bootloader asked 2 times for an address, the bench answered, and the board heard nothing",
        "DHCP snooping",
        BANNER + NETWORK + LINK,
        (dhcp(1, "DISCOVER") + dhcp(1, "OFFER", address="10.0.2.11")) * 2,
        quiet=50,
    ),
    Case(
        "DHCP answered by a router",
        r"DHCP was answered by 192\.168\.1\.1 \(48:8f:5a:c0:e3:06\) and not by the bench \(10\.0\.2\.100\);"
        " it has no option 43, so its bootloader takes no address",
        "`dhcp: proxy`",
        BANNER + (NETWORK + LINK + ROUTER + FAILED) * 2,
    ),
    Case(
        "DHCP answered by a router",
        r"DHCP was answered by 192\.168\.1\.1 .*; it has no option 43, so its bootloader takes no address",
        "see whether something between bench and board drops the bench's answers",
        BANNER + (NETWORK + LINK + ROUTER + FAILED) * 2,
        BESIDE * 2,
    ),
    Case(
        "DHCP answered by a router",
        r"DHCP was answered by 192\.168\.1\.1 \(48:8f:5a:c0:e3:06\) and not by the bench \(10\.0\.2\.100\), so .*",
        "`dhcp: proxy`",
        BANNER + (NETWORK + LINK + ROUTER + TEXT + FAILED) * 2,
    ),
    Case(
        "option 43 missing",
        "the bench's DHCP answer came without what a Raspberry Pi waits for: it has no option 43",
        "`rpi:` section",
        BANNER + NETWORK + LINK + OURS,
        quiet=50,
    ),
    Case(
        "option 43 missing",
        'the bench\'s DHCP answer came .*: its option 43 does not hold "Raspberry Pi Boot";'
        r" 192\.168\.1\.1 \(48:8f:5a:c0:e3:06\) answered too",
        "dnsmasq.log",
        BANNER + NETWORK + LINK + OURS + OTHER_TEXT + ROUTER,
        quiet=50,
    ),
    Case(
        "option 43 not taken",
        'the bench\'s DHCP answer has option 43 "Raspberry Pi Boot", and its bootloader does not take it',
        "PXE_OPTION43",
        BANNER + (NETWORK + LINK + OURS + TEXT + FAILED) * 2,
    ),
    Case(
        "option 43 not taken",
        "the bench's DHCP answer came, and its bootloader does not take it",
        "PXE_OPTION43",
        BANNER + NETWORK + LINK + UNSHOWN,
        quiet=50,
    ),
    Case(
        "option 43 not taken",
        "the bench's DHCP answer came, and its bootloader does not take it",
        "PXE_OPTION43",
        BANNER + NETWORK + LINK + OURS + TEXT.splitlines(keepends=True)[0],
        quiet=50,
    ),
    Case(
        "takes no offer",
        "its bootloader asked 22 times for an address and took none of the bench's answers; its console .*",
        "another DHCP server answers first",
        log=(dhcp(1, "DISCOVER") + dhcp(1, "OFFER", address="10.0.2.11")) * 22,
    ),
    Case(
        "takes no offer",
        "its bootloader asked 22 times for an address and took none of the bench's answers; its console .*",
        "and whether that server names boot files of its own",
        log=BESIDE * 22,
    ),
    Case(
        "another server",
        r"its bootloader fetches from 192\.168\.1\.9 and not from the bench .*",
        "take option 66 out of what the DHCP server 192.168.1.1 answers",
        BANNER
        + NETWORK
        + LINK
        + ROUTER
        + b"\top: 66 len:  11 192.168.1.9[66]: 192.168.1.9\r\n"
        + NET.replace(b"10.0.2.100", b"192.168.1.9"),
        quiet=35,
    ),
    Case(
        "another server",
        r"its bootloader fetches from 192\.168\.1\.1 \(48:8f:5a:c0:e3:06\) and not from the bench \(10\.0\.2\.100\)",
        "TFTP_IP",
        BANNER + NETWORK + LINK + ROUTER + NET.replace(b"10.0.2.100", b"192.168.1.1"),
        quiet=35,
    ),
)
