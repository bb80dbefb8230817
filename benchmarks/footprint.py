"""What hil itself costs: the start of `hil --help`, what `./hilw` adds, and the memory of its processes.

    python benchmarks/footprint.py [--runs 11] [--json]

Asserts nothing. Starts are whole-process times, in turn; memory is the largest VmHWM (proc(5)) that any moment of one
`hil boot` showed, of hil's own process and of its keeper together; QEMU and Matchbox do not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SAMPLE = 0.05


def milliseconds(argv: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return (time.monotonic() - began) * 1000


def starts(runs: int) -> dict[str, dict[str, float]]:
    hil = str(Path(sys.executable).with_name("hil"))
    commands = {
        "python -I -c pass": [sys.executable, "-I", "-c", "pass"],
        "hil --help": [hil, "--help"],
        "./hilw --help": [str(HERE / "hilw"), "--help"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, argv in commands.items():
            value = milliseconds(argv)
            if number:
                took[name].append(value)
    pairs = zip(took["./hilw --help"], took["hil --help"], strict=True)
    took["hilw adds"] = [ours - theirs for ours, theirs in pairs]
    return {
        name: {"min": min(values), "median": statistics.median(values), "max": max(values)}
        for name, values in took.items()
    }


def own_processes(root: int) -> list[int]:
    """hil's own process and its keeper, of all below `root`: those that run Python."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        try:
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"python" in Path(command[0].decode()).name.encode():
            found.append(pid)
    return found


def high_water(pid: int) -> int:
    """VmHWM of a process, bytes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def memory() -> dict[str, float]:
    """MiB of hil's own processes during one boot."""
    hil = str(Path(sys.executable).with_name("hil"))
    highest: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        with subprocess.Popen([hil, "boot"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as boot:
            while boot.poll() is None:
                for pid in own_processes(boot.pid):
                    highest[pid] = max(highest.get(pid, 0), high_water(pid))
                time.sleep(SAMPLE)
        if boot.returncode:
            raise SystemExit(f"hil boot failed with {boot.returncode}; run it by hand to see why")
    each = sorted((value / (1 << 20) for value in highest.values()), reverse=True)
    return {"largest": each[0], "together": sum(each)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = {"schema": "hil.benchmark.footprint/1", "milliseconds": starts(options.runs), "mebibytes": memory()}
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, values in (*result["milliseconds"].items(), ("memory of one boot", result["mebibytes"])):
        print(f"{name:<20} " + "  ".join(f"{key} {value:.0f}" for key, value in values.items()))


if __name__ == "__main__":
    main()
