"""What `hil boot` costs over the same QEMU typed by hand, and what it saves over the plain command. Asserts nothing.

    python benchmarks/boot.py [--pairs 15] [--plain 3] [--plant 0.5] [--json]

Three commands, in turn, each from its start to its end with the machine ready in between:

* `hil boot`;
* *by hand*: a shell script that starts the same Matchbox with the same data, the same QEMU with the same options, asks
  for /healthz with curl until it answers, and kills both;
* *plain*: the same without the three options that make a boot quick (hil/machines/qemu/command.py and
  hil/netboot/ipxe.py), as one would type it first.

Of each pair the difference counts (hil - by hand, seconds). `--plant` makes the first sleep that long before it
starts, to see whether it is found. Needs curl, and what `hil doctor --fix` gets.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hil.config.rig import load_rig
from hil.kinds import make_image
from hil.machine import Identity
from hil.machines.qemu.command import Hardware, command
from hil.netboot.ipxe import autoexec, write_tftp
from hil.netboot.user import Config as UserConfig
from hil.netboot.user import UserSegment
from hil.services.matchbox.writer import assign, write_tree
from hil.tools import accelerator, programs

MAC = "52:54:00:be:9c:01"
RUN_WITHIN = 180.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ByHand:
    """The files that a person would have lying ready, and the script that they would type."""

    def __init__(self, folder: Path) -> None:
        rig = load_rig("virt", cwd=Path.cwd())
        self._folder = folder
        self._matchbox_port, self._health_port = free_port(), free_port()
        data = folder / "matchbox"
        write_tree(data, rig.matchbox)
        assign(data, node="node1", mac=MAC, image=make_image(rig, "probe"))
        self._segment = UserSegment(UserConfig(kind="user"), folder / "tftp")
        self._segment.serve({self._segment.bench: ("127.0.0.1", self._matchbox_port)})
        write_tftp(self._segment.tftp, ipxe=programs.ipxe(), script=autoexec(self._segment.bench))
        self._qemu, self._edk2 = programs.qemu(), programs.edk2()
        self._chosen = accelerator.choose(self._qemu, self._edk2)

    def quick(self) -> str:
        netdev = self._segment.cable("node1").netdev("net0", [8080])
        netdev[1] = netdev[1].replace("hostfwd=tcp:127.0.0.1:0-", f"hostfwd=tcp:127.0.0.1:{self._health_port}-")
        return self._script(self._command(netdev), "quick")

    def plain(self) -> str:
        tftp = self._folder / "plain-tftp"
        tftp.mkdir(exist_ok=True)
        shutil.copyfile(programs.ipxe(), tftp / "ipxe-arm64.efi")
        chain = f"http://10.0.2.2:{self._matchbox_port}/boot.ipxe"
        (tftp / "autoexec.ipxe").write_text(f"#!ipxe\ndhcp net0\nchain {chain}\n")
        forward = f"hostfwd=tcp:127.0.0.1:{self._health_port}-:8080"
        netdev = ["-netdev", f"user,id=net0,tftp={tftp},bootfile=ipxe-arm64.efi,{forward}"]
        slow = []
        items = iter(self._command(netdev))
        for item in items:
            value = next(items) if item in ("-boot", "-device") else None
            if value is None or (item == "-device" and not value.startswith("virtio-rng")):
                slow += [item] if value is None else [item, value]
        return self._script(slow, "plain")

    def _command(self, netdev: Sequence[str]) -> list[str]:
        hardware = Hardware(
            qemu=self._qemu.path,
            accel=self._chosen.accel,
            cpu=self._chosen.cpu,
            cpus=1,
            memory=1 << 30,
            code=self._edk2.code,
            variables=self._folder / "vars.fd",
        )
        identity = Identity(MAC, "6f6d0f4e-0000-4000-8000-00000000be9c", "BENCH1")
        made = command("by-hand", hardware, identity, netdev, serial="S", qmp="Q")
        sockets = made.index("-chardev")
        return [*made[:sockets], "-serial", f"file:{self._folder}/console.log", "-monitor", "none"]

    def _script(self, qemu: Sequence[str], name: str) -> str:
        data = self._folder / "matchbox"
        matchbox = [
            str(programs.matchbox()),
            *("-address", f"127.0.0.1:{self._matchbox_port}", "-log-level", "debug"),
            *("-data-path", str(data), "-assets-path", str(data / "assets")),
        ]
        lines = [
            "set -e",
            f"cp --sparse=always {shlex.quote(str(self._edk2.vars))} {shlex.quote(str(self._folder / 'vars.fd'))}",
            f"{shlex.join(matchbox)} 2>{shlex.quote(str(self._folder / 'matchbox.log'))} & M=$!",
            f"{shlex.join(qemu)} & Q=$!",
            "trap 'kill -9 $Q $M' EXIT",
            f'until [ "$(curl -s -m 0.2 http://127.0.0.1:{self._health_port}/healthz)" = ok ]; do sleep 0.05; done',
        ]
        script = self._folder / f"{name}.sh"
        script.write_text("\n".join(lines) + "\n")
        return str(script)


def seconds(argv: Sequence[str], folder: Path) -> float:
    """How long a command takes, from its start to its end.

    Raises:
        SystemExit: it fails, or takes longer than RUN_WITHIN.
    """
    began = time.monotonic()
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=RUN_WITHIN, check=False)
    took = time.monotonic() - began
    if done.returncode not in (0, -9):
        raise SystemExit(f"{shlex.join(argv)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return took


def upper_bound(values: Sequence[float], *, resamples: int = 10_000) -> float:
    """The upper end of the 95 % percentile bootstrap interval of the mean (B. Efron, 1979)."""
    source = random.Random(0)
    means = sorted(statistics.fmean(source.choices(values, k=len(values))) for _ in range(resamples))
    return means[int(0.95 * resamples)]


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 3),
        "median": round(statistics.median(values), 3),
        "max": round(max(values), 3),
    }


def measure(pairs: int, plain: int, plant: float) -> dict[str, object]:
    hil = [str(Path(sys.executable).with_name("hil")), "boot", "--image", "probe"]
    if plant:
        hil = ["sh", "-c", f"sleep {plant}; exec {shlex.join(hil)}"]
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as name:
        folder = Path(name)
        by_hand = ByHand(folder)
        quick, slow = ["bash", by_hand.quick()], ["bash", by_hand.plain()]
        seconds(hil, folder), seconds(quick, folder)
        rows = []
        for number in range(pairs):
            first, second = (hil, quick) if number % 2 else (quick, hil)
            took = {first[0]: seconds(first, folder), second[0]: seconds(second, folder)}
            rows.append((took[hil[0]], took["bash"]))
            print(f"pair {number + 1}/{pairs}: hil {rows[-1][0]:.2f} s, by hand {rows[-1][1]:.2f} s", file=sys.stderr)
        plain_rows = []
        for number in range(plain):
            plain_rows.append((seconds(hil, folder), seconds(slow, folder)))
            print(
                f"plain {number + 1}/{plain}: hil {plain_rows[-1][0]:.2f} s, plain {plain_rows[-1][1]:.2f} s",
                file=sys.stderr,
            )
    differences = [ours - theirs for ours, theirs in rows]
    return {
        "schema": "hil.benchmark.boot/1",
        "pairs": pairs,
        "planted_seconds": plant,
        "hil_seconds": spread([ours for ours, _ in rows]),
        "by_hand_seconds": spread([theirs for _, theirs in rows]),
        "difference_seconds": spread(differences),
        "difference_mean_upper_95": round(upper_bound(differences), 3),
        "ratio_to_plain": spread([ours / theirs for ours, theirs in plain_rows]) if plain_rows else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--plain", type=int, default=3)
    parser.add_argument("--plant", type=float, default=0.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.pairs, options.plain, options.plant)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for key, value in result.items():
        shown = "  ".join(f"{name} {item:.3f}" for name, item in value.items()) if isinstance(value, dict) else value
        print(f"{key:<28} {shown}")


if __name__ == "__main__":
    main()
