"""A Raspberry Pi's own bootloader in one boot: the marks of its way to its firmware, and why it does not get on.

Puts together what its UART says and what dnsmasq hears of it; it waits for nothing and raises no death itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from hil.clock import NANOSECONDS, now_ns
from hil.config.rpi import RpiConfig
from hil.console.transcript import Transcript
from hil.keeper.client import Keeper
from hil.netboot.rpi.banner import read_banner
from hil.netboot.rpi.deaths import cause
from hil.netboot.rpi.follow import DNSMASQ, DnsmasqFollower
from hil.netboot.rpi.heard import Pi
from hil.netboot.rpi.known import Known
from hil.timeline.rpi_marks import RpiConsole
from hil.timeline.timeline import Mark, Timeline
from hil.timeline.trouble import Trouble

# A line that settles as power comes gives a few bytes of anything; words are more than that.
_WORDS: Final = 8
_LOOKED_AT: Final = 4096
# A bootloader's first round through its BOOT_ORDER is less, with USB's many words too.
_FIRST_ROUND: Final = 1 << 15


def listening(
    keeper: Keeper, node: str, mac: str, config: RpiConfig | None, bench: str
) -> Callable[[Transcript, int, int], RpiBootloader] | None:
    """How to listen to a board's bootloader in each of its boots; None for a machine that is no Raspberry Pi.

    What it makes is given the transcript of the board's console, the console's incarnation that was over before, and
    how many bytes of dnsmasq's log are from before.

    Args:
        keeper: has dnsmasq's log, where that is ours.
        node: the node's name, for messages.
        mac: of its port.
        config: the node's `rpi:` section.
        bench: the address of the bench's DHCP and TFTP server.
    """
    if config is None:
        return None
    pi = Pi(config.model, mac, config.serial)

    def listen(transcript: Transcript, after: int, begin: int) -> RpiBootloader:
        ours = DNSMASQ in keeper.streams()
        wire = DnsmasqFollower(keeper.attach(DNSMASQ), begin, node=node, pi=pi) if ours else None
        return RpiBootloader(pi, bench, transcript, after, wire)

    return listen


class RpiBootloader:
    """Keeps the protocol `hil.watched.Bootloader` for one boot of one board.

    Args:
        pi: which board.
        bench: the address of the bench's DHCP and TFTP server.
        transcript: what the board's console says.
        after: the console's incarnation that was over when this boot began.
        wire: follows dnsmasq; None where its log is not ours.
    """

    def __init__(self, pi: Pi, bench: str, transcript: Transcript, after: int, wire: DnsmasqFollower | None) -> None:
        self._pi = pi
        self._bench = bench
        self._transcript = transcript
        self._after = after
        self._wire = wire
        self._console = RpiConsole(transcript, after=after)
        self._silent = True

    def fileno(self) -> int | None:
        """Readable when the wire may have something; what the console says is read with the console."""
        return None if self._wire is None else self._wire.fileno()

    def take(self) -> list[Mark]:
        """New marks, of the UART and of the wire.

        Raises:
            InfrastructureError: dnsmasq has ended.
        """
        marks = self._console.take()
        return marks if self._wire is None else marks + self._wire.take()

    def trouble(self, timeline: Timeline, meter: Callable[[], str], *, late: bool) -> Trouble | None:
        """Why it does not get on; None while it may yet, or where nobody knows.

        Args:
            timeline: of the boot so far.
            meter: what the board's meter has read, in words, when it is asked; "" where it has none.
            late: whether its time is up, so that what is likely is said too.
        """
        marks = list(timeline)
        known = Known(
            pi=self._pi,
            bench=self._bench,
            said=self._console.said,
            heard=None if self._wire is None else self._wire.heard,
            reached=frozenset(mark.stage for mark in marks),
            shown=frozenset(mark.stage for mark in marks if mark.source == "console"),
            silent=self._is_silent(),
            meter=meter,
            port=self._port,
        )
        return cause(known, math.inf if late else self._quiet(marks))

    def begin_again(self) -> None:
        """The machine is about to start again on purpose: how often it did before is no loop."""
        self._console.said.starts = self._console.said.rounds = 0

    def close(self) -> None:
        """Stop following dnsmasq."""
        if self._wire is not None:
            self._wire.close()

    def _quiet(self, marks: list[Mark]) -> float:
        """Seconds since anything was said of this boot, by anybody."""
        heard = 0 if self._wire is None else self._wire.heard.last_ns
        spoke = 0 if self._is_silent() else self._transcript.stamp_at(self._transcript.end - 1)
        last = max(heard, spoke, *(mark.at_ns for mark in marks), 0)
        return (now_ns() - last) / NANOSECONDS if last else 0.0

    def _port(self) -> str:
        """The MAC address that the bootloader says of its port, in this boot; "" before."""
        transcript = self._transcript
        if transcript.incarnation <= self._after:
            return ""
        start = transcript.incarnation_start
        mac = read_banner(transcript.bytes(start, min(transcript.end, start + _FIRST_ROUND))).mac
        return "" if mac is None else mac.value

    def _is_silent(self) -> bool:
        """Whether the console has had no words in this boot."""
        transcript = self._transcript
        if self._silent and transcript.incarnation > self._after:
            start = transcript.incarnation_start
            said = transcript.bytes(start, min(transcript.end, start + _LOOKED_AT))
            self._silent = sum(0x20 < byte < 0x7F for byte in said) < _WORDS
        return self._silent
