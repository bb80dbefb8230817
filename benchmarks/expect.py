"""How fast `expect` finds words in much output, against pexpect on the same bytes in the same run.

    python benchmarks/expect.py [--mb 50] [--rounds 7] [--json]

Twenty patterns are looked for at once in console-like text; each stands once in every MB, and every other one lies
across the border of two reads. The bytes come from memory, in reads as large as each makes them itself: 64 KiB in hil
(one chunk of its keeper), 2000 bytes in pexpect; a row shows hil at 2000 bytes too. Rounds are interleaved.
All must report the same offsets, or the script fails. Times are CPU seconds of this process, which the host's other
work hardly enters, and pexpect's sleep of 0.1 ms after each read is switched off. Ratios are the median
over rounds, with the smallest and the largest; pexpect at its default takes minutes for 50 MB and runs in the first
round alone. It asserts no speed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from hil.console.console import Console
from hil.console.deaths import DEFAULT_DEATHS, Death
from hil.console.stream import MAX_CHUNK, Chunk

READ = 2000
MB = 1_000_000
WORDS = [
    b"BL31: Built release v2.%d ",
    b">>Start PXE over IPv4 try %d",
    b"NBP filesize is %d Bytes",
    b"iPXE 1.21.%d+ -- Open Source",
    b"Configuring (net%d)...... ok",
    b"/assets/kernel-%d... ok",
    b"EFI stub: Booting Linux %d",
    b"Booting Linux on physical CPU 0x%d",
    b"Linux version 6.1.%d-arm64",
    b"Memory: %dK/1024K available",
    b"Freeing unused kernel memory: %dK",
    b"Run /init as process %d",
    b"EXT4-fs (vda%d): mounted filesystem",
    b"eth%d: link becomes ready",
    b"random: crng init done %d",
    b"hil-probe: ready ip=10.0.1.%d",
    b"systemd[%d]: Reached target",
    b"node%d login: ",
    b"root@node%d:~# ",
    b"reboot: Restarting system %d",
]
PATTERNS = [re.escape(words).replace(b"%d", rb"[0-9]{1,5}") for words in WORDS]

Offsets = list[tuple[int, int, int]]
Contestant = Callable[[bytes, int], Offsets]


def text(size: int) -> tuple[bytes, int]:
    """Console-like bytes, and how many words to find are in them."""
    chance = random.Random(1)
    lines = [
        b"[%5d.%06d] %s: registered %s driver, status 0x%08x\r\n"
        % (n, chance.randrange(10**6), chance.randbytes(4).hex().encode(), chance.choice([b"usb", b"virtio"]), n)
        for n in range(4000)
    ]
    filler = b"".join(lines)
    data = bytearray((filler * (size // len(filler) + 1))[:size])
    planted = 0
    for start in range(0, size - MB + 1, MB):
        for number in range(20):
            words = WORDS[number] % (start // MB + number) + b"\r\n"
            border = start + MB // 2 + number * 4 * READ
            place = border - len(words) // 2 if number % 2 else border + 400
            data[place : place + len(words)] = words
            planted += 1
    return bytes(data), planted


class MemoryFeed:
    """A feed whose keeper is a bytes object; each read returns one chunk, and it is always readable."""

    def __init__(self, data: bytes, read: int) -> None:
        self._data, self._place, self._read = data, 0, read
        self._always = os.open(os.devnull, os.O_RDONLY)

    def fileno(self) -> int:
        return self._always

    def read(self) -> list[Chunk]:
        piece = self._data[self._place : self._place + self._read]
        chunk = Chunk(self._place, 1, self._place, piece)
        self._place += len(piece)
        return [chunk] if piece else []

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        os.close(self._always)


def run_hil(deaths: Sequence[Death], read: int) -> Contestant:
    """`Console.expect`, with the death patterns that every wait also looks for, or without any."""

    def run(data: bytes, count: int) -> Offsets:
        console = Console(MemoryFeed(data, read), name="n1", deaths=deaths)
        found = [console.expect(*PATTERNS, within=math.inf) for _ in range(count)]
        console.close()
        return [(one.index, one.start, one.end) for one in found]

    return run


def run_pexpect(window: int | None) -> Contestant:
    """pexpect with a search window, or at its default of searching all that is buffered."""
    from pexpect.spawnbase import SpawnBase

    class FromMemory(SpawnBase):  # type: ignore[misc]
        """A spawn whose child is a bytes object."""

        def __init__(self, data: bytes) -> None:
            super().__init__(timeout=None, maxread=READ, searchwindowsize=window)
            self._data, self._place = data, 0
            self.delayafterread = None  # by default it sleeps 0.1 ms after each read

        def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
            piece = self._data[self._place : self._place + size]
            self._place += len(piece)
            return piece

    def run(data: bytes, count: int) -> Offsets:
        child = FromMemory(data)
        wanted = child.compile_pattern_list(PATTERNS)
        results: Offsets = []
        consumed = 0
        while len(results) < count:
            index = child.expect_list(wanted)
            start = consumed + len(child.before)
            consumed = start + len(child.after)
            results.append((index, start, consumed))
        return results

    return run


SLOW = "pexpect default"
CONTESTANTS: dict[str, Contestant] = {
    "hil": run_hil((), MAX_CHUNK),
    "hil, watching for deaths too": run_hil(DEFAULT_DEATHS, MAX_CHUNK),
    "hil, reads of 2000 bytes": run_hil((), READ),
    "pexpect searchwindowsize=4096": run_pexpect(4096),
    SLOW: run_pexpect(None),
}


def measure(size: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each contestant in each round; exits when the offsets differ."""
    data, count = text(size)
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    expected: Offsets | None = None
    for number in range(rounds):
        for name, contestant in CONTESTANTS.items():
            if number and name == SLOW:
                continue
            start = time.process_time()
            offsets = contestant(data, count)
            seconds[name].append(time.process_time() - start)
            print(f"round {number + 1}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
            expected = offsets if expected is None else expected
            if offsets != expected:
                sys.exit(f"{name} reports other offsets than hil: the comparison is void")
    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mb", type=int, default=50, help="million bytes to search (default 50)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    seconds = measure(options.mb * MB, options.rounds)
    rows = []
    for name, times in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(times, seconds["hil"], strict=False)]
        rows.append(
            {
                "contestant": name,
                "median_s": round(statistics.median(times), 3),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2),
            }
        )
    if options.json:
        print(
            json.dumps({"schema": "hil.benchmark.expect/1", "mb": options.mb, "rounds": options.rounds, "rows": rows})
        )
        return
    print(f"expect, {options.mb} MB, {len(PATTERNS)} patterns, {options.rounds} rounds")
    print(f"{'':32}{'median':>9}  {'time / hil':>10}  {'(min - max)':>16}")
    for row in rows:
        spread = f"({row['ratio_min']} - {row['ratio_max']})"
        print(f"{row['contestant']:32}{row['median_s']:>7.2f} s  {row['ratio']:>10}  {spread:>16}")


if __name__ == "__main__":
    main()
