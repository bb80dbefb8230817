"""What Tailscale and Spin cost in a boot, and what asking for all of it costs. Asserts nothing.

    python benchmarks/services.py [--runs 5] [--pairs 5] [--rounds 30] [--json]

* *together*: `hil boot` of three images of the same guest, in turn: Tailscale alone, Spin alone, both. Seconds from
  userspace to ready, and the ratio of both to the slower of the two alone;
* *pxe*: the images simnode-gateway and probe of the rig that ships, in turn: power-on to userspace, and their ratio;
* *round*: on a simnode-gateway that is ready, everything asked anew at once: seconds until all answers are newer than
  that, the ping among them.

What is measured is a simulated Talos node: nothing here says how quick Talos, its extensions or containerd are.
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

from hil.bench import open_bench
from hil.clock import Deadline, now_ns
from hil.config.rig import load_rig
from hil.node import Node

HIL = str(Path(sys.executable).with_name("hil"))
GUEST = {"cpus": 2, "memory": "1GiB", "boot_within": "600s"}
EXTENSIONS = {"tailscale": ["tailscale"], "spin": ["spin"], "both": ["spin", "tailscale"]}


def rig_file(folder: Path) -> Path:
    """A rig of one guest with the three images, and the probe."""
    rig = {
        "hil": 1,
        "images": {
            **{name: {"kind": "simnode", "extensions": listed} for name, listed in EXTENSIONS.items()},
            "probe": {"kind": "probe"},
        },
        "nodes": {"node1": {"kind": "qemu", "image": "both", **GUEST}},
    }
    file = folder / "services.yaml"
    file.write_text(json.dumps(rig))  # JSON is YAML
    return file


def boot(rig: Path, image: str) -> dict[str, float]:
    """Seconds from power-on to each stage of one boot, the first of each name."""
    argv = [HIL, "boot", str(rig), "--image", image, "--json"]
    done = subprocess.run(argv, cwd=rig.parent, capture_output=True, check=True)
    marks = json.loads(done.stdout)["boots"][0]["timeline"]["marks"]
    found: dict[str, float] = {}
    for mark in marks:
        found.setdefault(mark["stage"], float(mark["seconds"]))
    return found


def together(rig: Path, runs: int) -> dict[str, object]:
    took: dict[str, list[float]] = {name: [] for name in EXTENSIONS}
    for number in range(runs + 1):
        order = list(EXTENSIONS) if number % 2 else list(reversed(EXTENSIONS))
        for image in order:
            stages = boot(rig, image)
            if number:  # the first of each builds what is not in the cache
                took[image].append(stages["ready"] - stages["userspace"])
                print(f"run {number}/{runs}: {image} {took[image][-1]:.2f} s after userspace", file=sys.stderr)
    slower = [max(pair) for pair in zip(took["tailscale"], took["spin"], strict=True)]
    return {
        **{f"{name}_seconds": spread(values) for name, values in took.items()},
        "ratio": spread([ours / theirs for ours, theirs in zip(took["both"], slower, strict=True)]),
    }


def pxe(rig: Path, pairs: int) -> dict[str, object]:
    took: dict[str, list[float]] = {"both": [], "probe": []}
    for number in range(pairs + 1):
        for image in ("both", "probe") if number % 2 else ("probe", "both"):
            stages = boot(rig, image)
            if number:
                took[image].append(stages["userspace"])
                print(f"pair {number}/{pairs}: {image} {took[image][-1]:.2f} s to userspace", file=sys.stderr)
    return {
        "gateway_seconds": spread(took["both"]),
        "probe_seconds": spread(took["probe"]),
        "ratio": spread([ours / theirs for ours, theirs in zip(took["both"], took["probe"], strict=True)]),
    }


def one_round(node: Node) -> float:
    """Seconds until everything that is expected was asked anew."""
    sides = node.asking.sides
    judges = (sides.talos, sides.tailscale, sides.spin)
    began = now_ns()
    for judge in judges:
        judge.ask_now()
    deadline = Deadline.after(60)
    while not all(
        condition.at_ns is not None and condition.at_ns >= began
        for judge in judges
        for condition in judge.look_for(judge.expect, began)  # type: ignore[attr-defined]
        if condition.name != "tailscale.cidrs"  # it is asked of nobody
    ):
        if deadline.expired:
            raise SystemExit("a round of all probes did not end within 60 s")
        node.attend(Deadline.after(0.005))
    return (now_ns() - began) / 1e9


def rounds(rig: Path, count: int) -> list[float]:
    with open_bench(load_rig(rig, cwd=rig.parent), artifacts=rig.parent / "records") as bench:
        node = bench.nodes["node1"]
        node.boot()
        took = []
        for _ in range(count):
            took.append(one_round(node))
            time.sleep(0.2)
        return took


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "count": len(values),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        rig = rig_file(Path(folder))
        found = {
            "together": together(rig, options.runs),
            "pxe": pxe(rig, options.pairs),
            "round_seconds": spread(rounds(rig, options.rounds)),
        }
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for part, values in found.items():
        print(part)
        for name, value in values.items():
            print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
