"""What a Raspberry Pi's UART and dnsmasq's log say in one boot, line by line, for tests to put together.

The console's lines are of raspberrypi/rpi-eeprom issues 376 and 417, the log's forms of dnsmasq 2.90. Asserts nothing.
"""

from __future__ import annotations

MAC, SERIAL = "dc:a6:32:01:36:c2", "10c2a4b7"
ROM, UEFI_CLASS = "PXEClient:Arch:00000:UNDI:002001", "PXEClient:Arch:00011:UNDI:003010"
ROOT = "/run/hil/tftp"
STARTED = f"dnsmasq: started, version 2.90 cachesize 150\ndnsmasq-tftp: TFTP root is {ROOT}  \n".encode()


def dhcp(xid: int, kind: str, *, says: str = ROM, mac: str = MAC, address: str = "") -> bytes:
    lines = [f"dnsmasq-dhcp: {xid} vendor class: {says}"] if not address else []
    where = f"{address} " if address else ""
    lines += [f"dnsmasq-dhcp: {xid} DHCP{kind}(lan0) {where}{mac} "]
    return "".join(f"{line}\n" for line in lines).encode()


def tftp(words: str) -> bytes:
    return f"dnsmasq-tftp: {words}\n".encode()


def sent(file: str, address: str = "10.0.2.11") -> bytes:
    return tftp(f"sent {ROOT}/{file} to {address}")


def missing(file: str, address: str = "10.0.2.11") -> bytes:
    return tftp(f"file {ROOT}/{file} not found for {address}")


LEASE = (
    dhcp(1, "DISCOVER") + dhcp(1, "OFFER", address="10.0.2.11") + dhcp(1, "REQUEST")
    + dhcp(1, "ACK", address="10.0.2.11")
)  # fmt: skip
OTHER_MAC = "02:00:00:00:00:09"
# What dnsmasq says to a port that no `dhcp-host` names: one line for question and answer; and what beside a router.
REFUSED = dhcp(1, "DISCOVER")[:-2] + b" no address available\n"
BESIDE = f"dnsmasq-dhcp: 4 vendor class: {ROM}\ndnsmasq-dhcp: 4 PXE(lan0) {MAC} proxy\n".encode()
BANNER = b"RPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56\r\n"
NETWORK = b"Boot mode: NETWORK (02) order f1\r\nNET_BOOT: dc:a6:32:01:36:c2 wait for link TFTP: 0.0.0.0\r\n"
LINK = b"LINK STATUS: speed: 1000 full duplex\r\nLink ready\r\n"
UNSHOWN = b"DHCP src: 02:00:00:00:00:01 10.0.2.100\r\nYI_ADDR 10.0.2.11\r\n"
OURS = UNSHOWN + b"OPTIONS:-\r\n\top: 53 len:   1 DHCP recv OFFER (2) expect OFFER\r\n"
ROUTER = b"DHCP src: 48:8f:5a:c0:e3:06 192.168.1.1\r\nYI_ADDR 192.168.1.17\r\n\top:  1 len:   4 255.255.255.0\r\n"
TEXT = (
    b"\top: 43 len:  32 \r\n"
    b"00000000  52 61 73 70 62 65 72 72  79 20 50 69 20 42 6f 6f |Raspberry Pi Boo|\r\n"
    b"00000010  74 ff ff 1b                                      |t...            |\r\n"
)
OTHER_TEXT = b"\top: 43 len:   8 \r\n00000000  06 01 03 ff                                      |....            |\r\n"
NET = b"NET 10.0.2.11 255.255.255.0 gw 0.0.0.0 tftp 10.0.2.100\r\n"
FAILED = b"NETBOOT init failed\r\n"
START4 = f"Read {SERIAL}/start4.elf bytes  2250848 hnd 0x0\r\n".encode()
UEFI = f"Read {SERIAL}/RPI_EFI.fd bytes  2031616 hnd 0x0\r\n".encode()
TO_NET = BANNER + NETWORK + LINK + OURS + TEXT + NET
FETCHED = LEASE + sent(f"{SERIAL}/start4.elf") + sent(f"{SERIAL}/RPI_EFI.fd")
