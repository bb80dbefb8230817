"""What reading a boot's packets costs, as ratios in one run. Asserts nothing.

    python benchmarks/packets.py FOLDER [--runs 11] [--json]

FOLDER is a boot's, with packets.pcapng and packets.idx. In turn, seconds of processor time for

* *hil*: all of it: places, stamps, headers, conversations, marks and the document;
* *copy*: both files read and their bytes copied once;
* *scapy*: 1/20 of the packets, dissected by scapy as headers, DHCP and TFTP.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scapy.layers.dhcp import BOOTP  # noqa: F401  (registers what Ether dissects)
from scapy.layers.l2 import Ether
from scapy.layers.tftp import TFTP  # noqa: F401

from hil.timeline.packets.conversations import read_packets
from hil.timeline.packets.marks import marks_of
from hil.timeline.packets.names import INDEX, PACKETS
from hil.timeline.packets.pcapng import places

SHARE = 20


def ours(folder: Path) -> int:
    found = read_packets(folder)
    if found is None:
        raise SystemExit(f"{folder} has no {PACKETS}")
    marks_of(found)
    json.dumps(found.to_json(0))
    return found.captured.packets


def copy(folder: Path) -> int:
    return sum(len(bytearray((folder / name).read_bytes())) for name in (PACKETS, INDEX))


def scapy(folder: Path) -> int:
    data = (folder / PACKETS).read_bytes()
    chosen = places(data).packets[::SHARE]
    for start, end, _ in chosen:
        Ether(data[start:end])
    return len(chosen)


def seconds(work: Callable[[Path], int], folder: Path) -> float:
    began = time.process_time()
    work(folder)
    return time.process_time() - began


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "count": len(values),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ways: dict[str, Callable[[Path], int]] = {"hil": ours, "copy": copy, "scapy": scapy}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(options.runs + 1):
        for name, work in ways.items():
            value = seconds(work, options.folder)
            if number:  # the first loads what is not loaded yet
                took[name].append(value)
    found = {
        "packets": ours(options.folder),
        **{f"{name}_seconds": spread(values) for name, values in took.items()},
        "hil_to_copy": spread([mine / theirs for mine, theirs in zip(took["hil"], took["copy"], strict=True)]),
        "hil_to_scapys_20th": spread([mine / theirs for mine, theirs in zip(took["hil"], took["scapy"], strict=True)]),
    }
    print(
        json.dumps(found, indent=1) if options.json else "\n".join(f"{key}: {value}" for key, value in found.items())
    )


if __name__ == "__main__":
    main()
