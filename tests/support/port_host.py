"""A host with a network port, in a network namespace of its own: opens segments of kind `interface` on that port.

Run as `unshare --net python port_host.py FOLDER ORDERS`. Behind the port `veth0` is a switch, the bridge `lan` with
the address 192.168.1.1, and on that a client's port `client0`, a board's, `board0`, and a neighbour's. ORDERS is JSON,
a list of what to do one after the other: the words of a `router` on the switch, or of a DHCP server on the `host`
itself, which then has an address on the port; `late`, the seconds after which the port's cable is plugged in; and what
`_opened` takes. The last line that it says is JSON too, an
answer for each: "error" and "hint", or what `_opened` found. No interface of the machine that the test runs on is
touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.process_table import command_lines

from hil.clock import Deadline
from hil.errors import HilError
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.netboot.interface import Config, create
from hil.netboot.lan import ask_wire
from hil.netboot.lan.opening import hold_net
from hil.netboot.place import SegmentPlace
from hil.netboot.rpi.tree import Tree
from hil.netns.namespace import Plan, Wire
from hil.sim.rom import __main__ as bootloader
from hil.sim.rom.settings import Settings
from hil.sim.rom.stand_in import make

NODE = "dc:a6:32:00:00:01"
ROUTER = "192.168.1.1"
OWN = "192.168.1.9"
NEIGHBOUR, NEIGHBOUR_MAC = "192.168.1.20", "02:00:00:00:00:20"
_SWITCH = (
    "link set lo up",
    "link add lan address 02:00:00:00:00:fe type bridge",
    "address add 192.168.1.1/24 dev lan",
    "link set lan up",
    "link add veth0 type veth peer name veth1",
    "link set veth1 master lan up",
    f"link add client0 address {NODE} type veth peer name client1",
    "link set client1 master lan up",
    "link set client0 up",
    "tuntap add board0 mode tap",
    "link set board0 master lan up",
)
_ON_THE_SWITCH = ("--interface=lan", "--bind-interfaces", "--no-ping")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def behind_a_port() -> None:
    """Make the port, and what is behind it."""
    for words in _SWITCH:
        ip(*words.split())


@contextmanager
def neighbour() -> Iterator[None]:
    """Somebody with an address of his own on the switch, in a network of his own."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as other:
        try:
            ours = Path("/proc/self/ns/net").readlink()
            while Path(f"/proc/{other.pid}/ns/net").readlink() == ours:
                time.sleep(0.01)
            ip(*f"link add near0 type veth peer name near1 address {NEIGHBOUR_MAC} netns {other.pid}".split())
            ip(*["link", "set", "near0", "master", "lan", "up"])
            for words in (f"address add {NEIGHBOUR}/24 dev near1", "link set near1 up"):
                subprocess.run(["nsenter", f"--target={other.pid}", "--net", "ip", *words.split()], check=True)
            yield
        finally:
            other.kill()


@contextmanager
def serving(words: Sequence[str] | None, *, host: bool) -> Iterator[None]:
    """A DHCP server of 192.168.1.0/24 for a while, if there are words for it: on the switch, or on the host."""
    if words is None:
        yield
        return
    if host:
        ip("address", "add", f"{OWN}/24", "dev", "veth0", "noprefixroute")
        ip("link", "set", "veth0", "up")
    serves = router(*words)
    try:
        yield
    finally:
        serves.kill()
        serves.wait()
        if host:
            ip("address", "delete", f"{OWN}/24", "dev", "veth0")


def router(*words: str) -> subprocess.Popen[bytes]:
    """A DHCP server of 192.168.1.0/24, on the switch if not told otherwise; it ends by its pid."""
    argv = ["dnsmasq", *(words or _ON_THE_SWITCH), "--except-interface=lo", "--port=0", "--leasefile-ro"]
    argv += ["--dhcp-range=192.168.1.64,192.168.1.99,1h", "--conf-file=/dev/null"]
    argv += [f"--dhcp-host={NODE},192.168.1.71", "--no-daemon", "--log-dhcp"]
    started = subprocess.Popen(argv, stderr=subprocess.PIPE)
    assert started.stderr is not None
    while b"DHCP, " not in (line := started.stderr.readline()):
        assert line, "the router's dnsmasq has ended"
    return started


def interfaces() -> list[str]:
    return sorted(path.name for path in Path("/proc/sys/net/ipv4/conf").iterdir())


def capabilities(keeper: Keeper) -> dict[str, list[str]]:
    """Each process of the keeper by the last part of its command line's first words: CapEff and CapBnd."""
    found = {}
    for folder, line in command_lines():
        words = line.split("\0")
        try:
            status = dict(line.split(":\t") for line in (folder / "status").read_text().splitlines() if ":\t" in line)
            inside = (folder / "ns/net").readlink()
        except OSError:
            continue
        if str(keeper.directory) in line or "holder" in line:
            there = "inside" if inside != Path("/proc/self/ns/net").readlink() else "outside"
            name = f"{Path(words[0]).name} {there}"
            found[name] = [status["CapEff"], status["CapBnd"], status["NoNewPrivs"]]
    return found


def ipv6_inside(keeper: Keeper) -> list[str]:
    """The interfaces with an address of IPv6 where dnsmasq is."""
    (pid,) = (folder for folder, line in command_lines() if f"--conf-file={keeper.directory}/dnsmasq.conf" in line)
    return sorted(line.split()[-1] for line in (pid / "net/if_inet6").read_text().splitlines())


def _opened(order: dict[str, Any], folder: Path, keeper: Keeper) -> dict[str, Any]:
    (folder / "ipxe.efi").write_bytes(b"iPXE")
    trees = {"node1": firmware(folder)}
    place = SegmentPlace(keeper.directory, keeper, {"node1": NODE}, folder / "ipxe.efi", folder, trees)
    segment = create(Config.model_validate({"kind": "interface", "nic": "veth0", **order["segment"]}), place)
    found: dict[str, Any] = {"facts": segment.facts, "interfaces": interfaces(), "caps": capabilities(keeper)}
    found["ipv6"] = ipv6_inside(keeper)
    if order.get("client"):
        ip("link", "set", "client0", "address", order["client"])
        found |= ask_wire.ask("client0", 0.6, [segment.bench.host])
    if order.get("bootloader"):
        found["bootloader"] = boots(trees["node1"])
        found["dnsmasq"] = (folder / "dnsmasq.log").read_text()
        known = segment.net.neighbours(deadline=Deadline.after(10))
        found["neighbours"] = [[each.address, each.mac] for each in known]
    return found


def silent(folder: Path, keeper: Keeper) -> dict[str, Any]:
    """Who is heard of the bench's address while a namespace has it and its wire was not asked yet."""
    place = SegmentPlace(keeper.directory, keeper, {}, folder, folder)
    hold_net(place, Plan(("10.0.2.100/24",), root=True, wire=Wire("veth0", 0, "lan0")), deadline=Deadline.after(10))
    return ask_wire.ask("client0", 0.3, ["10.0.2.100"])


def boots(tree: Tree) -> dict[str, Any]:
    """What the twin's bootloader on `board0` reports of one power-on."""
    settings = Settings(tap="board0", mac=NODE, model="cm4", serial=tree.serial, eeprom={"BOOT_ORDER": 0xF2})
    argv = [sys.executable, "-I", "-S", "-E", str(bootloader.__file__), settings.to_json()]
    done = subprocess.run(argv, input=b"", capture_output=True, timeout=60, check=False)
    report: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return report


def firmware(folder: Path) -> Tree:
    """What a CM4 fetches, of the twin's stand-ins."""
    with zipfile.ZipFile(make(folder, "cm4")) as archive:
        files: dict[str, Path | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return Tree("cm4", NODE, "10c2a4b7", files | {"config.txt": b"arm_64bit=1\narmstub=RPI_EFI.fd\n"}, {})


@contextmanager
def plugged_in(late: float) -> Iterator[None]:
    """The port is down, and its cable comes after a while; at once, and the port as it was, for 0."""
    if not late:
        yield
        return
    ip("link", "set", "veth1", "down")
    ip("link", "set", "veth0", "down")
    plugs = threading.Timer(late, ip, ("link", "set", "veth1", "up"))
    plugs.start()
    try:
        yield
    finally:
        plugs.join()


def follow(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """One order: a segment opened, asked, and ended by the death of its keeper."""
    with (
        serving(order.get("router"), host=False),
        serving(order.get("host"), host=True),
        plugged_in(order.get("late", 0)),
        Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as keeper,
    ):
        try:
            found = _opened(order, folder, keeper) if "segment" in order else silent(folder, keeper)
        except HilError as error:
            found = {"error": error.message, "hint": error.hint}
        os.kill(keeper.pid, signal.SIGKILL)
    return found


def main(folder: Path, orders: list[dict[str, Any]]) -> None:
    behind_a_port()
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as runtime, neighbour():
        os.environ["XDG_RUNTIME_DIR"] = runtime
        answers = [follow(order, Path(tempfile.mkdtemp(dir=folder))) for order in orders]
    print(json.dumps(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
