"""A wire with somebody else's router on it, and a machine in QEMU that boots there: a script, started by tests.

In the private network that it is started in stand a bridge, with the bench's address, and a tap; in another one behind
a pair of interfaces stands the router, which is a second dnsmasq. The script prints what the machine's console says,
until one of the words given is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

BENCH, ROUTER = "192.168.1.5", "192.168.1.1"
_BOTH = "except-interface=lo\nbind-interfaces\nno-hosts\nno-resolv\nleasefile-ro\nno-ping\nlog-dhcp\n"


@dataclass(frozen=True)
class Plan:
    """What happens on the wire.

    Args:
        folder: for files of it; served by HTTP at the bench's port 8080 is its folder "www".
        router: lines for the router's dnsmasq, besides its range of addresses.
        bench: lines for the bench's dnsmasq.
        dnsmasq: the program.
        qemu: its arguments, without the network.
        mac: of the machine.
        until: words of the console, of which the first ends it.
        within: seconds.
    """

    folder: str
    router: Sequence[str]
    bench: Sequence[str]
    dnsmasq: str
    qemu: Sequence[str]
    mac: str
    until: Sequence[str]
    within: float


def run(plan: Plan) -> str:
    """What the console said."""
    way = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    # All of it ends with the first process in it.
    argv = ["unshare", *way, "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__]
    done = subprocess.run(
        [*argv, json.dumps(asdict(plan))], capture_output=True, timeout=plan.within + 30, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace")


def _ip(words: str, *within: str) -> None:
    subprocess.run([*within, "ip", *words.split()], check=True)


def _wire(stack: ExitStack) -> list[str]:
    """The interfaces; how a command is run where the router is."""
    other = stack.enter_context(subprocess.Popen(["unshare", "--net", "sleep", "infinity"]))
    stack.callback(other.kill)
    within = ["nsenter", "--target", str(other.pid), "--net"]
    ours = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{other.pid}/ns/net").readlink() == ours:
        time.sleep(0.01)
    for words in (
        "link set lo up",
        "link add br0 type bridge",
        f"address add {BENCH}/24 dev br0",
        "tuntap add tap0 mode tap",
        f"link add wire0 type veth peer name wire1 netns {other.pid}",
        *(f"link set {name} master br0" for name in ("tap0", "wire0")),
        *(f"link set {name} up" for name in ("br0", "tap0", "wire0")),
    ):
        _ip(words)
    for words in (f"address add {ROUTER}/24 dev wire1", "link set wire1 up"):
        _ip(words, *within)
    return within


def _main(plan: Plan) -> None:
    folder = Path(plan.folder)
    with ExitStack() as stack:

        def start(argv: Sequence[str], name: str) -> None:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            started = stack.enter_context(subprocess.Popen(argv, stdout=log, stderr=log))
            stack.callback(started.kill)

        within = _wire(stack)
        for name, interface, lines, where in (
            ("router", "wire1", plan.router, within),
            ("bench", "br0", plan.bench, []),
        ):
            settings = folder / f"{name}.conf"
            settings.write_text(f"interface={interface}\n{_BOTH}" + "\n".join(lines) + "\n")
            start([*where, plan.dnsmasq, "--no-daemon", "--user=root", f"--conf-file={settings}"], name)
        start([sys.executable, "-m", "http.server", "--bind", BENCH, "--directory", f"{folder}/www", "8080"], "http")
        net = ["-netdev", "tap,id=net0,ifname=tap0,script=no,downscript=no,vhost=off"]
        net += ["-device", f"virtio-net-pci,netdev=net0,mac={plan.mac},romfile=,bootindex=0"]
        with subprocess.Popen([*plan.qemu, *net], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
            stack.callback(machine.kill)
            assert machine.stdout is not None
            os.set_blocking(machine.stdout.fileno(), False)
            said, end = b"", time.monotonic() + plan.within
            while time.monotonic() < end and not any(words.encode() in said for words in plan.until):
                time.sleep(0.05)
                said += machine.stdout.read() or b""
            machine.kill()
        sys.stdout.buffer.write(said)


if __name__ == "__main__":
    _main(Plan(**json.loads(sys.argv[1])))
