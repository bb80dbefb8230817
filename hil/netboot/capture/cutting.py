"""How much of each frame is kept: its headers, and what a network boot says in the open. Never a byte of a body.

Whole are ARP, DHCP, DNS and what TFTP says besides data; of HTTP the heads (see `heads`). It looks at each frame where
it lies in a larger piece of bytes, for a boot has tens of thousands of them.
"""

from __future__ import annotations

from hil.netboot.capture.heads import RST, SYN, Heads

_ETHERNET = 14
_ARP = 28
_IS_IPV4 = b"\x08\x00"
_IPV6 = 40
_UDP = 8
_ICMP = 8
# IANA: DHCP servers and clients (RFC 2131), PXE boot servers (PXE 2.1, "4011"), DNS (RFC 1035).
_WHOLE_PORTS = frozenset((67, 68, 4011, 53))
_TFTP_PORT = 69
# IPv6 extension headers that say how long they are (RFC 8200, 4): hop by hop, routing, destination.
_EXTENSIONS = frozenset((0, 43, 60))
_FRAGMENT = 44
_MAX_EXTENSIONS = 8
_MAX_TRANSFERS = 1024


class Cutter:
    """Remembers the TFTP transfers and HTTP connections of one machine's wire."""

    def __init__(self) -> None:
        self._heads = Heads()
        self._transfers: dict[bytes, bytes] = {}
        self.payload = 0
        """Where in the last frame what it carries begins, from the frame's first byte; 0 where that is not known."""
        self.flow = b""
        """Between whom and whom the last frame went; "" where that is not known."""

    def kept(self, data: bytes, at: int, end: int) -> int:
        """How many leading bytes of the Ethernet frame data[at:end] are kept."""
        self.flow, self.payload = b"", 0
        network, kind = at + _ETHERNET, data[at + 12 : at + 14]
        if kind == _IS_IPV4:
            return self._ipv4(data, at, network, end) - at
        if kind in (b"\x81\x00", b"\x88\xa8"):  # IEEE 802.1Q, 802.1ad
            network, kind = network + 4, data[at + 16 : at + 18]
        last = min(end, network)
        if kind == _IS_IPV4:
            last = self._ipv4(data, at, network, end)
        elif kind == b"\x86\xdd":
            last = self._ipv6(data, at, network, end)
        elif kind == b"\x08\x06":
            last = min(end, network + _ARP)
        return last - at

    def _ipv4(self, data: bytes, at: int, start: int, end: int) -> int:
        """RFC 791, 3.1."""
        if start + 20 > end or data[start] >> 4 != 4:
            return min(end, start)
        size, total = (data[start] & 15) * 4, data[start + 2] << 8 | data[start + 3]
        transport = start + (size if size > 20 else 20)
        # A frame that is cut into segments later may say 0.
        if total and start + total < end:
            end = start + total
        fragment = data[start + 6] & 0x3F or data[start + 7]
        if transport >= end or fragment:
            return min(end, transport)
        return self._transport(data[start + 9], data, at, transport, end, data[start + 12 : start + 20])

    def _ipv6(self, data: bytes, at: int, start: int, end: int) -> int:
        """RFC 8200, 3 and 4."""
        transport = start + _IPV6
        if transport > end:
            return min(end, start)
        length = data[start + 4] << 8 | data[start + 5]
        end = min(end, transport + length) if length else end
        protocol = data[start + 6]
        for _ in range(_MAX_EXTENSIONS):
            if protocol not in _EXTENSIONS or transport + 8 > end:
                break
            protocol, transport = data[transport], transport + 8 + data[transport + 1] * 8
        if transport >= end or protocol in _EXTENSIONS:
            return min(end, transport)
        if protocol == _FRAGMENT:
            return min(end, transport + 8)
        return self._transport(protocol, data, at, transport, end, data[start + 8 : start + 40])

    def _transport(self, protocol: int, data: bytes, at: int, start: int, end: int, addresses: bytes) -> int:
        if protocol == 6:
            return self._tcp(data, at, start, end, addresses)
        if protocol == 17:
            return self._udp(data, at, start, end, addresses)
        return min(end, start + _ICMP) if protocol in (1, 58) else start

    def _tcp(self, data: bytes, at: int, start: int, end: int, addresses: bytes) -> int:
        """RFC 9293, 3.1."""
        if start + 20 > end:
            return end
        size = (data[start + 12] >> 4) * 4
        payload = start + (size if size > 20 else 20)
        if payload > end:
            return end
        flags, self.payload = data[start + 13], payload - at
        if payload == end and not flags & (SYN | RST):
            return end
        self.flow = addresses + data[start : start + 4]
        seq = int.from_bytes(data[start + 4 : start + 8], "big")
        return payload + self._heads.kept(self.flow, flags, seq, data, payload, end)

    def _udp(self, data: bytes, at: int, start: int, end: int, addresses: bytes) -> int:
        """RFC 768."""
        payload = start + _UDP
        if payload >= end:
            return end
        self.payload = payload - at
        end = max(payload, min(end, start + (data[start + 4] << 8 | data[start + 5])))
        ports = data[start] << 8 | data[start + 1], data[start + 2] << 8 | data[start + 3]
        if not _WHOLE_PORTS.isdisjoint(ports):
            return end
        return payload + self._tftp(data[payload:end], addresses, data[start : start + 4], ports[1])

    def _tftp(self, said: bytes, addresses: bytes, ports: bytes, port: int) -> int:
        """How much of a datagram is kept, as far as it belongs to a transfer (RFC 1350, 4 and 5; OACK: RFC 2347)."""
        half = len(addresses) // 2
        source, target = addresses[:half], addresses[half:]
        opcode = said[1] if len(said) >= 2 and said[0] == 0 else 0
        if port == _TFTP_PORT and opcode in (1, 2):
            if len(self._transfers) >= _MAX_TRANSFERS:
                self._transfers.clear()
            self._transfers[source + ports[:2]] = target
            return len(said)
        by_client = self._transfers.get(source + ports[:2]) == target
        if not by_client and self._transfers.get(target + ports[2:]) != source:
            return 0
        if opcode in (3, 4):  # DATA and ACK, up to the block's number
            return min(4, len(said))
        return len(said) if opcode in (5, 6) else 0
