"""When each captured packet was sent, as an interval that certainly holds the moment. Reads packets.idx alone.

Two clocks tell of a packet. The capture process's, which is the one clock, says when it last saw QEMU's pipe empty and
when it had the packet: it was sent in between. QEMU's virtual clock says when it was sent to the microsecond, but from
an unknown start, and it stands still while the guest is stopped. So a packet that waited in the pipe is placed by
others that did not, as far as what is certain allows.

Of a machine whose packets the kernel stamps there are no two clocks: the index has the interval itself.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from itertools import accumulate
from operator import sub
from pathlib import Path
from typing import Final, NamedTuple

from hil.clock import WallAnchor
from hil.errors import InfrastructureError

MAGIC: Final = b"HILPKT1\0"
HEADER: Final = struct.Struct("<8sqqq")
RECORD: Final = struct.Struct("<qqq")

# QEMU cuts its clock to whole microseconds (QEMU net/dump.c, `dump_receive_iov`), so a packet may be that much later.
_VIRTUAL_STEP_NS: Final = 1000


class Stamp(NamedTuple):
    """When one packet was sent.

    Args:
        at_ns: the middle of the interval, ns of the one clock.
        error_ns: half its width, rounded up: the packet was sent within `at_ns` +- `error_ns`.
    """

    at_ns: int
    error_ns: int


def read_stamps(path: Path) -> tuple[WallAnchor, list[Stamp]]:
    """The stamps of a capture, in the order of its packets; one that a dying writer wrote in part is left out.

    Args:
        path: of packets.idx. Little-endian: 32 bytes of header (`MAGIC`, ns of the one clock, the same moment as wall
            time in ns, 0 or 1), then for each packet three numbers. After 0: when the pipe was last seen empty, when
            the packet had arrived (both ns of the one clock) and QEMU's own stamp (ns of its virtual clock from an
            unknown start). After 1: between which two moments of the one clock it was sent (ns), and 0.

    Raises:
        InfrastructureError: the file cannot be read, or is no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InfrastructureError(
            f"{path} cannot be read: {error.strerror}", hint="see that the boot's folder is whole"
        ) from error
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise InfrastructureError(
            f"{path} is no index of captured packets: it does not begin with {MAGIC!r} and two clocks",
            hint="capture the boot again",
        )
    _, monotonic_ns, wall_ns, certain = HEADER.unpack_from(data)
    whole = (len(data) - HEADER.size) // RECORD.size * RECORD.size
    numbers = array("q", data[HEADER.size : HEADER.size + whole])
    if sys.byteorder == "big":
        numbers.byteswap()
    anchor = WallAnchor(monotonic_ns, wall_ns)
    if certain:
        return anchor, list(map(_between, numbers[0::3], numbers[1::3]))
    return anchor, stamps(numbers[0::3], numbers[1::3], numbers[2::3], monotonic_ns)


def stamps(looked: Iterable[int], arrived: Iterable[int], virtual: Iterable[int], since: int) -> list[Stamp]:
    """The narrowest intervals that are certain, all ns, for packets in the order in which they were sent.

    What the virtual clock lacks to the one clock never shrinks: a stopped guest, or one that is set back to a
    snapshot, only adds to it (QEMU softmmu/cpus.c, `cpu_get_clock`). So no packet lacked more than any packet after
    it at its arrival, nor less than any before it when the pipe was still empty. A QEMU that is held up after it has
    read its clock lets the reader see an empty pipe later than that; where a quicker packet shows it, that look says
    nothing.

    Args:
        looked: when the reader last saw the pipe empty before each packet.
        arrived: when it had the packet.
        virtual: QEMU's stamp of the packet.
        since: before any packet, on the clock of `looked`.
    """
    sent = list(virtual)
    if not sent:
        return []
    most = list(accumulate(reversed(list(map(sub, arrived, sent))), min))
    most.reverse()
    unsent = min(since - sent[0], most[0])
    lacked = zip(map(sub, looked, sent), most, strict=True)
    # Within a step it may be QEMU's cutting alone that makes a look seem late.
    looks = (min(look, limit) if look <= limit + _VIRTUAL_STEP_NS else unsent for look, limit in lacked)
    least = list(accumulate(looks, max, initial=unsent))[1:]
    return list(map(_stamp, sent, least, most))


def _stamp(virtual: int, least: int, most: int) -> Stamp:
    return _between(virtual + least - _VIRTUAL_STEP_NS, virtual + most + _VIRTUAL_STEP_NS)


def _between(low: int, high: int) -> Stamp:
    return Stamp((low + high) // 2, (high - low + 1) // 2)
