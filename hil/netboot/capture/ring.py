"""The packets of one machine as a network interface sees them, out of the kernel's ring, with the kernel's stamps.

For a machine whose packets no QEMU of the bench's writes down. The ring: Linux, Documentation/networking/
packet_mmap.rst (TPACKET_V3) and include/uapi/linux/if_packet.h. Nobody waits for it: where the ring is full the
kernel drops, and counts what it dropped.
"""

from __future__ import annotations

import os
import select
import struct
from mmap import mmap
from socket import AF_PACKET, SOCK_RAW, if_nametoindex, socket
from time import monotonic_ns, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hil.netboot.capture.files import Found

_ETH_P_ALL = 3
_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 5, 6, 10
_PROMISCUOUS = 1
_TPACKET_V3 = 2
_HANDED_OVER = 1

# 32 MiB are 0.3 s of Gigabit Ethernet, and a second and more of what a board downloads.
_BLOCK_SIZE, _BLOCKS = 1 << 19, 64
# The kernel asks for it and does not use it: in version 3 frames lie in a block one after the other.
_FRAME_SIZE = 1 << 11
# A block that is not full is handed over after this long, so that a rare packet is on disk soon.
_HANDED_OVER_MS = 10
# At the end: longer than that, for the last packets.
_DRAIN_MS = 50

# struct tpacket_block_desc up to blk_len, and struct tpacket3_hdr up to tp_net.
_BLOCK = struct.Struct("=IIIIII")
_FRAME = struct.Struct("=IIIIIIHH")


class WallClock:
    """By how much wall time, in which the kernel stamps packets, is ahead of the one clock.

    Between two steps of wall time (clock_settime(2), a leap second) that is one number, for both clocks are slewed
    alike (Linux, kernel/time/timekeeping.c, `offs_real`).
    """

    # What two looks may disagree by though it is one number: each clock is cut to whole ns, and some to spare.
    _SLACK_NS = 1000

    def __init__(self) -> None:
        self._low, self._high = self._look()

    def steady(self) -> bool:
        """Look anew; whether wall time has made no step since the last look."""
        low, high = self._look()
        if low > self._high or high < self._low:
            self._low, self._high = low, high
            return False
        self._low, self._high = max(low, self._low), min(high, self._high)
        return True

    def sent(self, wall_ns: int) -> tuple[int, int]:
        """Between which two moments of the one clock this one of wall time is, ns."""
        return wall_ns - self._high, wall_ns - self._low

    def _look(self) -> tuple[int, int]:
        before, wall, after = monotonic_ns(), time_ns(), monotonic_ns()
        return wall - after - self._SLACK_NS, wall - before + self._SLACK_NS


class Ring:
    """What one interface sees of one machine: what it sends, what is sent to it, and what is sent to all.

    Args:
        interface: of this network namespace.
        mac: the machine's, aa:bb:cc:dd:ee:ff.

    Raises:
        OSError: there is no such interface, or no right to listen on it.
    """

    certain = True

    def __init__(self, interface: str, mac: str) -> None:
        self.interface = interface
        self.missing = ""
        self._mac = bytes.fromhex(mac.replace(":", ""))
        self._socket = socket(AF_PACKET, SOCK_RAW, 0)
        try:
            self._ring = _mapped(self._socket, interface)
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, error.strerror, interface) from error
        self._told, self.teller = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        """A byte that is written there ends it, also one that a signal writes (signal.set_wakeup_fd)."""
        self._block = 0
        self._clock = WallClock()
        self._unsteady = 0
        self._since = self._looked = monotonic_ns()

    def begin(self) -> None:
        """It listens since it was made; the ring takes what comes."""

    def take(self) -> tuple[bytes, list[Found]] | None:
        """Wait for the next packets.

        Returns:
            bytes, and where in them each packet is; None at the end.
        """
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._told, select.POLLIN)
        patience: int | None = None
        while True:
            now = monotonic_ns()
            if self._status() & _HANDED_OVER:
                return self._taken()
            self._looked = now
            ready = dict(poll.poll(patience))
            if ready.get(self._socket.fileno(), 0) & select.POLLERR:
                self.missing = "its network interface went away"
                return None
            if self._told in ready:
                poll.unregister(self._told)
                patience = _DRAIN_MS
            elif not ready and not self._status() & _HANDED_OVER:
                self._count()
                return None

    def close(self) -> None:
        """Listen no more."""
        self._ring.close()
        self._socket.close()
        os.close(self._told)
        os.close(self.teller)

    def _status(self) -> int:
        status: int = _BLOCK.unpack_from(self._ring, self._block * _BLOCK_SIZE)[2]
        return status

    def _taken(self) -> tuple[bytes, list[Found]]:
        """The packets of the block that was handed over; the kernel has it back then."""
        at = self._block * _BLOCK_SIZE
        _, _, _, count, first, length = _BLOCK.unpack_from(self._ring, at)
        data = self._ring[at : at + length]
        struct.pack_into("=I", self._ring, at + 8, 0)
        self._block = (self._block + 1) % _BLOCKS
        # This block and the next one were filled between the last look at wall time and the next one.
        self._unsteady = max(0, self._unsteady - 1) if self._clock.steady() else 2
        since, arrived = self._since, monotonic_ns()
        # The next block has been filled since this one was seen not to be handed over.
        self._since = self._looked
        return data, self._own(data, first, count, since, arrived)

    def _own(self, data: bytes, at: int, count: int, since: int, arrived: int) -> list[Found]:
        found, mac, sent, steady = [], self._mac, self._clock.sent, not self._unsteady
        for _ in range(count):
            further, seconds, nanoseconds, captured, length, _, to_frame, _ = _FRAME.unpack_from(data, at)
            start = at + to_frame
            at += further
            # The first bit of an address says that it is a group's (IEEE 802-2014, 8.2.2).
            if not data[start] & 1 and mac not in (data[start : start + 6], data[start + 6 : start + 12]):
                continue
            low, high = sent(seconds * 1_000_000_000 + nanoseconds) if steady else (since, arrived)
            found.append((start, start + captured, length, low, high, 0))
        return found

    def _count(self) -> None:
        """Say what the kernel dropped."""
        # struct tpacket_stats_v3: what came, what was dropped, how often the ring was full.
        _, dropped, _ = struct.unpack("=III", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        if dropped:
            self.missing = f"the host was too slow: up to {dropped} packets were lost"


def _mapped(listener: socket, interface: str) -> mmap:
    """The ring, which gets what the interface sees from now on, also what is for others."""
    listener.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
    frames = _BLOCK_SIZE * _BLOCKS // _FRAME_SIZE
    asked = struct.pack("=7I", _BLOCK_SIZE, _BLOCKS, _FRAME_SIZE, frames, _HANDED_OVER_MS, 0, 0)
    listener.setsockopt(_SOL_PACKET, _RX_RING, asked)
    ring = mmap(listener.fileno(), _BLOCK_SIZE * _BLOCKS)
    listener.bind((interface, _ETH_P_ALL))
    # struct packet_mreq. A bridge shows what goes from one of its ports to another only so.
    member = struct.pack("=iHH8x", if_nametoindex(interface), _PROMISCUOUS, 0)
    listener.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
    return ring
