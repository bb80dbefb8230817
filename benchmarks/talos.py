"""What Talos costs in a boot, and what asking it costs the guest. Asserts nothing.

    python benchmarks/talos.py [--pairs 5] [--direct 5] [--rounds 50] [--idle 40] [--json]

* *pxe*: `hil boot` of the image simnode and of the image probe, in turn: power-on to ready, their ratio, and the share
  of each stage of simnode's boot;
* *direct*: the image simnode by QEMU's `-kernel`, with no firmware and no Matchbox: QEMU's start to the first answer
  of Talos's API (maintenance mode);
* *round*: on that machine, the rounds of questions on one kept connection: milliseconds each;
* *cost*: QEMU's CPU time while a probe asks that machine, less the same while nobody does, in turn; a share of a CPU;
* *check*: `hil check` of that machine, whole processes, over Python's own start.

What is measured is a simulated Talos node: nothing here says how quick Talos is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hil.clock import Deadline, now_ns
from hil.config.rig import load_rig
from hil.kinds import make_image
from hil.readiness.talos.access import Access
from hil.readiness.talos.api import TalosApi
from hil.tools import accelerator, programs

HIL = str(Path(sys.executable).with_name("hil"))
TICKS = os.sysconf("SC_CLK_TCK")


def boot(image: str, folder: Path) -> dict[str, object]:
    """The record of one boot."""
    argv = [HIL, "boot", "--image", image, "--json"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, check=True)
    record: dict[str, object] = json.loads(done.stdout)["boots"][0]
    return record


def shares(record: dict[str, object]) -> dict[str, float]:
    """Seconds from each stage's mark to the next stage's, of the stages that every boot has."""
    timeline = record["timeline"]
    assert isinstance(timeline, dict)
    took: dict[str, float] = defaultdict(float)
    before = 0.0
    for mark in timeline["marks"]:
        name = mark["stage"] if not mark["stage"].startswith("talos.") else "ready"
        took[name] += mark["seconds"] - before
        before = mark["seconds"]
    return took


def pxe(pairs: int, folder: Path) -> dict[str, object]:
    seconds: dict[str, list[float]] = {"simnode": [], "probe": []}
    stages: dict[str, list[float]] = defaultdict(list)
    for number in range(pairs + 1):
        for image in ("simnode", "probe") if number % 2 else ("probe", "simnode"):
            record = boot(image, folder)
            if not number:
                continue  # the first of each builds what is not in the cache
            seconds[image].append(float(str(record["seconds_to_ready"])))
            if image == "simnode":
                for stage, took in shares(record).items():
                    stages[stage].append(took)
        if number:
            print(
                f"pair {number}/{pairs}: simnode {seconds['simnode'][-1]:.2f} s, probe {seconds['probe'][-1]:.2f} s",
                file=sys.stderr,
            )
    total = statistics.median(seconds["simnode"])
    return {
        "simnode_seconds": spread(seconds["simnode"]),
        "probe_seconds": spread(seconds["probe"]),
        "ratio": spread([ours / theirs for ours, theirs in zip(seconds["simnode"], seconds["probe"], strict=True)]),
        "share_of_stage": {stage: round(statistics.median(took) / total, 3) for stage, took in stages.items()},
    }


@contextmanager
def direct(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Access, float]]:
    """The machine, how it is reached, and the seconds to its first answer."""
    image = make_image(load_rig("virt", cwd=Path.cwd()), "simnode")
    initrd = folder / "initrd"
    initrd.write_bytes(b"".join(asset.path.read_bytes() for asset in image.initrds))
    qemu, chosen, port = programs.qemu(), accelerator.choose(programs.qemu(), programs.edk2()), free_port()
    argv = [
        *(str(qemu.path), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", f"virt,accel={chosen.accel}", "-cpu", chosen.cpu, "-m", "1G"),
        *("-kernel", str(image.kernel.path), "-initrd", str(initrd), "-append", " ".join(image.args)),
        *("-serial", f"file:{folder / 'console'}", "-device", "virtio-rng-pci"),
        *("-netdev", f"user,id=n,ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:50000"),
        *("-device", "virtio-net-pci,netdev=n,romfile="),
    ]
    access = Access("127.0.0.1", port, forwarded=True)
    began = now_ns()
    with subprocess.Popen(argv) as process:
        try:
            with TalosApi("direct", lambda: access) as api:
                if not api.observe(Deadline.after(120)).reached:
                    raise SystemExit("the machine does not answer; boot it by hand to see why")
                took = (now_ns() - began) / 1e9
            yield process, access, took
        finally:
            process.kill()


def rounds(access: Access, count: int) -> list[float]:
    """Milliseconds of each round of questions on a kept connection."""
    with TalosApi("direct", lambda: access) as api:
        api.observe(Deadline.after(60))
        return [api.observe(Deadline.after(60)).took * 1000 for _ in range(count)]


def cpu_seconds(pid: int) -> float:
    """What a process has used, user and system (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cost(pid: int, access: Access, idle: float) -> list[float]:
    """The share of one CPU that asking costs the guest: asked less not asked, in turn."""
    differences = []
    for _ in range(3):
        used = []
        for asking in (False, True):
            api = TalosApi("direct", lambda: access) if asking else None
            if api is not None:
                api.observe(Deadline.after(60))
            before, began = cpu_seconds(pid), time.monotonic()
            time.sleep(idle)
            used.append((cpu_seconds(pid) - before) / (time.monotonic() - began))
            if api is not None:
                api.close()
        differences.append(used[1] - used[0])
    return differences


def checks(access: Access, runs: int) -> dict[str, dict[str, float]]:
    """Whole processes: `hil check`, and Python alone."""
    commands = {
        "hil check": [HIL, "check", access.place, "--insecure"],
        "python -I -c pass": [sys.executable, "-I", "-c", "pass"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, argv in commands.items():
            began = time.monotonic()
            subprocess.run(argv, check=True, capture_output=True)
            if number:
                took[name].append((time.monotonic() - began) * 1000)
    return {name: spread(values) for name, values in took.items()}


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"min": round(min(values), 3), "median": round(statistics.median(values), 3), "max": round(max(values), 3)}


def measure(pairs: int, direct_runs: int, round_count: int, idle: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as name:
        folder = Path(name)
        result: dict[str, object] = {"schema": "hil.benchmark.talos/1"}
        if pairs:
            result["pxe"] = pxe(pairs, folder)
        answered = []
        for number in range(direct_runs):
            with direct(folder) as (process, access, took):
                answered.append(took)
                if number + 1 == direct_runs:
                    result["round_milliseconds"] = spread(rounds(access, round_count))
                    result["cost_share_of_cpu"] = spread(cost(process.pid, access, idle))
                    result["check_milliseconds"] = checks(access, 10)
        result["direct_seconds"] = spread(answered)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--direct", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--idle", type=float, default=40.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.pairs, options.direct, options.rounds, options.idle)
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
