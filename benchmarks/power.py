"""What a verified switching of a relay on a serial line costs over its bytes' time on the wire. Asserts nothing.

    python benchmarks/power.py [--runs 40] [--json]

An LCUS board at 9600 baud stands behind a pty that takes and gives each byte in the time that a wire needs for it
(10 bits, 1.04 ms), and answers at once. *switching* is off and on by `hil.switching.VerifiedPower`, read back; *wire*
is the time of the bytes that any program must move for that: the frame, the question, and the board's answer.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hil.clock import Deadline, now_ns
from hil.power.lcus import Config, LcusPort
from hil.power.port import PowerState
from hil.switching import Acted, VerifiedPower

BYTE = 10 / 9600
CHANNELS = (1, 4)


class Board:
    """Keeps its relays, and the pace of a wire of 9600 baud both ways."""

    def __init__(self, descriptor: int, channels: int) -> None:
        self.descriptor = descriptor
        self.relays = [False] * channels

    @property
    def answer(self) -> bytes:
        return b"".join(
            f"CH{number}:{'ON' if on else 'OFF'} \r\n".encode() for number, on in enumerate(self.relays, 1)
        )

    def run(self) -> None:
        """Until the pty is closed."""
        pending = b""
        while True:
            try:
                pending += self._byte()
            except OSError:
                return
            if pending.endswith(b"\xff"):
                pending = b""
                self._say(self.answer)
            elif len(pending) >= 4 and pending[-4] == 0xA0:
                self.relays[pending[-3] - 1] = pending[-2] == 1
                pending = b""

    def _byte(self) -> bytes:
        data = os.read(self.descriptor, 1)
        time.sleep(BYTE)
        return data

    def _say(self, data: bytes) -> None:
        began = time.monotonic()
        for count, byte in enumerate(data, 1):
            time.sleep(max(0.0, began + count * BYTE - time.monotonic()))
            os.write(self.descriptor, bytes([byte]))


@contextmanager
def board(channels: int) -> Iterator[tuple[str, Board]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    made = Board(master, channels)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave), made
    finally:
        os.close(slave)
        thread.join(2)
        os.close(master)


class Supply:
    """The protocol Power over a port, as a board's is."""

    reads_back = True

    def __init__(self, port: LcusPort) -> None:
        self._port = port

    def on(self, *, deadline: Deadline) -> Acted:
        return Acted(now_ns(), self._port.switch(True, deadline=deadline))

    def off(self, *, deadline: Deadline) -> Acted:
        return Acted(now_ns(), self._port.switch(False, deadline=deadline))

    def state(self) -> PowerState:
        return self._port.read(deadline=Deadline.after(5))


def switchings(channels: int, runs: int) -> tuple[list[float], float]:
    """Seconds of each verified switching, and of the bytes that it cannot do without."""
    with board(channels) as (path, made):
        power = VerifiedPower(Supply(LcusPort(Config(kind="lcus", device=path, channel=1))), "bench")
        took = []
        for number in range(runs + 1):
            began = time.monotonic()
            (power.on if number % 2 else power.off)(deadline=Deadline.after(5))
            if number:
                took.append(time.monotonic() - began)
        return took, (4 + 1 + len(made.answer)) * BYTE


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, object] = {"runs": options.runs}
    for channels in CHANNELS:
        took, wire = switchings(channels, options.runs)
        found[f"switching_seconds_{channels}_channels"] = spread(took)
        found[f"wire_seconds_{channels}_channels"] = round(wire, 4)
        found[f"switching_to_wire_{channels}_channels"] = spread([each / wire for each in took])
    print(
        json.dumps(found, indent=1) if options.json else "\n".join(f"{key}: {value}" for key, value in found.items())
    )


if __name__ == "__main__":
    main()
