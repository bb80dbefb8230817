"""What a keeper costs that reads many serial lines at full speed, and whether it loses a byte.

    python benchmarks/consoles.py [--lines 16] [--baud 115200] [--seconds 20] [--piece 62] [--json]

Each line is a pty, fed by a process of its own at `baud`/10 bytes a second (8N1) in pieces as a full-speed USB
adapter hands them over: 62 bytes (an FTDI chip's packet of 64 less two of status), or 32 (CH340). The lines take
turns, so that no two pieces come at once, which is the dearest way. The keeper stamps, records and passes on each
piece to one reader a line, as it does for a node that is watched. CPU is the keeper's own, user and system, of
/proc/PID/stat (proc(5)), over the feeding; the reader's is told too. What was sent, what the readers got and what the
recordings hold must be the same bytes by SHA-256, or the script fails. It asserts no speed. A pty has no interrupts:
what the kernel's USB drivers cost on a bench is not in it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from hil.clock import Deadline
from hil.console.recording import read_recording
from hil.console.spec import PtyPort
from hil.console.stream import Feed
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir

BITS_OF_A_FRAME = 10
TICKS = os.sysconf("SC_CLK_TCK")


def text(line: int) -> bytes:
    """Some 100 kB of console text, another for each line."""
    return b"".join(
        b"[%5d.%06d] line%d: audit: type=2000 state=initialized res=1\r\n" % (n, n * 7919 % 1000000, line)
        for n in range(1500)
    )


def pieces(line: int, total: int, piece: int) -> Iterator[bytes]:
    """What one line says: `total` bytes in all."""
    said = text(line)
    said = (said * (total // len(said) + 1))[:total]
    return (said[at : at + piece] for at in range(0, total, piece))


def feed(masters: Sequence[int], total: int, piece: int, rate: float) -> float:
    """Write to each line in turn at `rate` bytes a second; how many seconds it took."""
    turns = zip(*(pieces(number, total, piece) for number in range(len(masters))), strict=True)
    began = time.monotonic()
    written = 0
    for turn in turns:
        for number, data in enumerate(turn):
            due = began + (written + piece * number / len(masters)) / rate
            time.sleep(max(0.0, due - time.monotonic()))
            os.write(masters[number], data)
        written += len(turn[0])
    return time.monotonic() - began


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def read_all(feeds: Sequence[Feed], total: int, deadline: Deadline) -> tuple[list[str], int, int]:
    """Read until every feed has had `total` bytes: their digests, how many bytes in all, in how many chunks."""
    digests = [hashlib.sha256() for _ in feeds]
    counts, chunks = [0] * len(feeds), 0
    waiting = select.epoll()
    for each in feeds:
        waiting.register(each.fileno(), select.EPOLLIN)
    places = {each.fileno(): number for number, each in enumerate(feeds)}
    with waiting:
        while min(counts) < total and not deadline.expired:
            for descriptor, _ in waiting.poll(deadline.remaining()):
                number = places[descriptor]
                for chunk in feeds[number].read():
                    digests[number].update(chunk.data)
                    counts[number] += len(chunk.data)
                    chunks += 1
    return [digest.hexdigest() for digest in digests], sum(counts), chunks


def run(lines: int, baud: int, seconds: float, piece: int) -> dict[str, float]:
    rate = baud / BITS_OF_A_FRAME
    total = round(rate * seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hil-bench-")))
        pairs = [os.openpty() for _ in range(lines)]
        for pair in pairs:
            tty.setraw(pair[1])
            stack.callback(os.close, pair[0])
        keeper = stack.enter_context(Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)))
        feeds: list[Feed] = []
        for number, (_, slave) in enumerate(pairs):
            keeper.open_console(f"console:{number}", PtyPort(os.ttyname(slave)), folder / str(number))
            os.close(slave)
            feeds.append(stack.enter_context(closing(keeper.attach(f"console:{number}"))))
        pid = keeper.pid
        masters = [master for master, _ in pairs]
        numbers = ",".join(map(str, masters))
        feeder = [sys.executable, __file__, "--feed", numbers, "--piece", str(piece), "--baud", str(baud)]
        before, own = cpu_seconds(pid), time.process_time()
        with subprocess.Popen(
            [*feeder, "--seconds", str(seconds)], pass_fds=masters, stdout=subprocess.PIPE, text=True
        ) as child:
            heard, count, chunks = read_all(feeds, total, Deadline.after(seconds * 3 + 10))
            took = float(child.communicate()[0])
        used, reader = cpu_seconds(pid) - before, time.process_time() - own
        keeper.end()
        sent = [hashlib.sha256(b"".join(pieces(number, total, piece))).hexdigest() for number in range(lines)]
        recorded = [
            hashlib.sha256(b"".join(chunk.data for chunk in read_recording(folder / str(number)))).hexdigest()
            for number in range(lines)
        ]
    if heard != sent or recorded != sent:
        raise SystemExit(f"bytes were lost: {total * lines} sent, {count} heard")
    return {
        "lines": lines,
        "bytes": count,
        "chunks": chunks,
        "seconds": took,
        "bytes_per_second_and_line": total / took,
        "keeper_cpu_percent": 100 * used / took,
        "reader_cpu_percent": 100 * reader / took,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--baud", type=int, default=115200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--piece", type=int, default=62)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--feed", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rate = options.baud / BITS_OF_A_FRAME
    if options.feed:
        masters = [int(number) for number in options.feed.split(",")]
        print(feed(masters, round(rate * options.seconds), options.piece, rate))
        return
    result = run(options.lines, options.baud, options.seconds, options.piece)
    if options.json:
        print(json.dumps({"schema": "hil.benchmark.consoles/1", "piece": options.piece, **result}, indent=1))
        return
    for name, value in result.items():
        print(f"{name:<28} {value:.1f}")


if __name__ == "__main__":
    main()
