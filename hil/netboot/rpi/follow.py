"""Follows the log of a bench's dnsmasq for one boot of one Raspberry Pi. Judges nothing."""

from __future__ import annotations

from typing import Final

from hil.console.stream import Chunk, Feed, FeedClosed
from hil.errors import InfrastructureError
from hil.netboot.rpi.heard import Heard, Pi
from hil.timeline.dnsmasq_log import Reader
from hil.timeline.timeline import Mark

DNSMASQ: Final = "dnsmasq"
"""The keeper's name for what a segment's dnsmasq prints."""

# What names the folder that files are below is said once, as dnsmasq starts (dnsmasq, src/dnsmasq.c).
_ROOT: Final = b"TFTP root is "


class DnsmasqFollower:
    """What dnsmasq heard of a board, and sent to it, from the boot's beginning on.

    Args:
        feed: dnsmasq's output from its own beginning; closed by `close`.
        begin: bytes of it from before the boot.
        node: the node's name, for messages.
        pi: which board.
    """

    def __init__(self, feed: Feed, begin: int, *, node: str, pi: Pi) -> None:
        self.heard = Heard(pi)
        self._feed = feed
        self._begin = begin
        self._node = node
        self._reader = Reader()
        self._rest = b""

    def fileno(self) -> int:
        """Readable when `take` may have something."""
        return self._feed.fileno()

    def close(self) -> None:
        """Stop reading; dnsmasq goes on."""
        self._feed.close()

    def take(self) -> list[Mark]:
        """New marks, without waiting.

        Raises:
            InfrastructureError: dnsmasq has ended, or the keeper of the bench.
        """
        try:
            chunks = self._feed.read()
        except FeedClosed as error:
            raise self._gone("the keeper of this bench has ended, and with it dnsmasq") from error
        marks: list[Mark] = []
        for chunk in chunks:
            if not chunk.data:
                raise self._gone("dnsmasq ended while this machine was booting")
            marks += self._chunk(chunk)
        return marks

    def _chunk(self, chunk: Chunk) -> list[Mark]:
        at = chunk.offset - len(self._rest)
        *lines, self._rest = (self._rest + chunk.data).split(b"\n")
        marks = []
        for line in lines:
            before, at = at < self._begin, at + len(line) + 1
            if before and _ROOT not in line:
                continue
            record = self._reader.read(line)
            mark = None if record is None or before else self.heard.take(record, chunk.stamp_ns)
            marks += [] if mark is None else [mark]
        return marks

    def _gone(self, what: str) -> InfrastructureError:
        return InfrastructureError(
            f"{self._node}: {what}",
            hint="read dnsmasq.log in the bench's folder for its last words; if there are none, the bench was ended"
            " from elsewhere (`hil bench end`)",
        )
