"""What an installation of hil adds to a pytest session that does not use it. Asserts nothing.

    python benchmarks/pytest_startup.py [--pairs 25] [--plant 0.1] [--json]

Makes two virtual environments with this Python: one with pytest alone, one with hil from this checkout as a wheel and
all that hil needs. Both have the same pytest. Then runs pytest in an empty folder with one and the other by turns, and
of each pair the difference counts: seconds from start to end, and CPU seconds, which the host's other work hardly
enters. `--plant` makes the sessions with hil sleep that long first, to see that the benchmark finds it. uv makes the
environments where there is one, otherwise venv and pip.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RESAMPLES = 10_000
SESSION = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]


@dataclass(frozen=True)
class Cost:
    """One session, in seconds."""

    wall: float
    cpu: float


def environment(folder: Path, *requirements: str) -> Path:
    """A virtual environment with these; returns its Python."""
    python = folder / "bin" / "python"
    uv = shutil.which("uv")
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *requirements])
    else:
        run([sys.executable, "-m", "venv", str(folder)])
        run([str(python), "-m", "pip", "install", "--quiet", *requirements])
    return python


def run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def session(python: Path, folder: Path, planted: float = 0.0) -> Cost:
    """One pytest session without a test."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON", "COV"))}
    start = time.monotonic()
    time.sleep(planted)
    process = subprocess.Popen([str(python), *SESSION], cwd=folder, env=environ, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 5:
        sys.exit(f"{python} -m pytest ended with {process.returncode}; 5 (no tests) was expected")
    return Cost(time.monotonic() - start, used.ru_utime + used.ru_stime)


def upper_bound(differences: Sequence[float]) -> float:
    """Of the median: the upper end of its one-sided 95 % percentile bootstrap interval."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(differences, k=len(differences))) for _ in range(RESAMPLES))
    return medians[int(0.95 * RESAMPLES)]


def summary(without: Sequence[float], having: Sequence[float]) -> dict[str, float]:
    differences = [b - a for a, b in zip(without, having, strict=True)]
    return {
        "without": statistics.median(without),
        "with": statistics.median(having),
        "difference": statistics.median(differences),
        "upper_bound": upper_bound(differences),
        "smallest": min(differences),
        "largest": max(differences),
    }


def measure(without: Path, having: Path, folder: Path, *, pairs: int, planted: float) -> dict[str, dict[str, float]]:
    """Interleaved pairs, each in an order of its own; the first session of each warms the disk cache."""
    session(without, folder)
    session(having, folder)
    costs: dict[Path, list[Cost]] = {without: [], having: []}
    order = [without, having]
    chance = random.Random(2)
    for number in range(pairs):
        chance.shuffle(order)
        for python in order:
            costs[python].append(session(python, folder, planted if python == having else 0.0))
        print(f"\r{number + 1}/{pairs} pairs", end="", file=sys.stderr)
    print(file=sys.stderr)
    return {
        clock: summary([getattr(c, clock) for c in costs[without]], [getattr(c, clock) for c in costs[having]])
        for clock in ("wall", "cpu")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--plant", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    pytest = f"pytest=={metadata.version('pytest')}"
    with tempfile.TemporaryDirectory(prefix="hil-pytest-startup-") as made:
        place = Path(made)
        without = environment(place / "without", pytest)
        having = environment(place / "with", pytest, str(PROJECT))
        empty = place / "empty"
        empty.mkdir()
        found = measure(without, having, empty, pairs=asked.pairs, planted=asked.plant)
    if asked.json:
        print(
            json.dumps({"schema": "hil.benchmark.pytest-startup/1", "pytest": pytest, "pairs": asked.pairs, **found})
        )
        return
    print(f"{pytest}, {asked.pairs} pairs; milliseconds; the difference is the median of the pairs'")
    print(f"{'':<5} {'without':>8} {'with':>8} {'difference':>11} {'95 % bound':>11} {'smallest':>9} {'largest':>8}")
    for clock, row in found.items():
        cells = (f"{1000 * value:.1f}" for value in row.values())
        print("{:<5} {:>8} {:>8} {:>11} {:>11} {:>9} {:>8}".format(clock, *cells))


if __name__ == "__main__":
    main()
