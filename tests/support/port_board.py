"""A board behind a network port: `hil boot` of a rig of kind `interface` on a host that is a namespace of its own.

Run as `unshare --net python port_board.py FOLDER serve|proxy`. The board is a QEMU guest whose network port is plugged
into the switch behind `veth0` (`port_host`), whose serial line is a pty, and which a program switches on and off; with
`proxy` a router serves that switch. It prints what `hil boot --json` prints, and exits as that does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from support.port_host import NODE, behind_a_port, router
from support.rigs import HIL

from hil.clock import Deadline
from hil.machine import Identity
from hil.machines.qemu.command import command
from hil.machines.qemu.finding import find_hardware
from hil.machines.qemu.variables import copy_variables
from hil.tools.cache import Cache

IDENTITY = Identity(NODE, "00d03114-0000-0000-0000-000000000001", "HIL-00000001")
SEGMENTS: dict[str, dict[str, object]] = {
    "serve": {"kind": "interface", "nic": "veth0", "listen": "500ms"},
    "proxy": {
        "kind": "interface",
        "nic": "veth0",
        "listen": "500ms",
        "dhcp": "proxy",
        "subnet": "192.168.1.0/24",
        "bench": "192.168.1.5:8080",
        "addresses": {"node1": "192.168.1.71"},
    },
}
# By the monitor, as a process's number is another one in the keeper's namespace.
SWITCH = """
import socket, subprocess, sys
word, monitor, *qemu = sys.argv[1:]
def ask(line):
    with socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(10)
        talk.connect(monitor)
        talk.sendall(line)
        while talk.recv(4096):
            if not line:
                break
try:
    ask(b"quit\\n" if word == "off" else b"")
    found = "on"
except OSError:
    found = "off"
if word == "on" and found == "off":
    subprocess.run([*qemu, "-daemonize"], check=True)
print(word if word != "state" else found)
"""


def uart(path: Path) -> str:
    """A serial line, which the board connects to each time that it has power; the bench's end of it."""
    master, slave = os.openpty()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def pump() -> None:
        while True:
            board, _ = listener.accept()
            with board:
                while data := board.recv(4096):
                    os.write(master, data)

    threading.Thread(target=pump, daemon=True).start()
    name = os.ttyname(slave)
    os.close(slave)
    return name


def qemu(folder: Path) -> list[str]:
    """The board, with its port on the switch."""
    found = find_hardware("board", folder, cpus=1, memory=512 << 20)
    copy_variables(found.fresh_variables, found.hardware.variables, Cache())
    netdev = ["-netdev", "tap,id=net0,ifname=board0,script=no,downscript=no,vhost=off"]
    argv = command("board", found.hardware, IDENTITY, netdev, serial="s", qmp="q")
    ends = argv.index("-chardev")
    return [*argv[:ends], "-serial", f"unix:{folder}/uart", "-monitor", f"unix:{folder}/monitor,server=on,wait=off"]


def rig(folder: Path, dhcp: str) -> dict[str, Any]:
    words = {word: [sys.executable, "-c", SWITCH, word, f"{folder}/monitor"] for word in ("on", "off", "state")}
    words["on"] += qemu(folder)
    node = {"kind": "board", "image": "probe", "mac": NODE, "power": "p", "boot_within": "240s"}
    return {
        "hil": 1,
        "segment": SEGMENTS[dhcp],
        "images": {"probe": {"kind": "probe"}},
        "power": {"p": {"kind": "command", **words, "off_at_least": "100ms"}},
        "nodes": {"node1": {**node, "console": {"device": uart(folder / "uart")}}},
    }


def main(folder: Path, dhcp: str) -> int:
    behind_a_port()
    serves = router() if dhcp == "proxy" else None
    (folder / "rig.yaml").write_text(json.dumps(rig(folder, dhcp)))
    try:
        return subprocess.run([*HIL, "boot", "./rig.yaml", "--json"], cwd=folder, check=False).returncode
    finally:
        # A bench that has broken leaves a board as it is.
        off = [sys.executable, "-c", SWITCH, "off", f"{folder}/monitor"]
        subprocess.run(off, stdout=subprocess.DEVNULL, check=False)
        if serves is not None:
            serves.kill()
            serves.wait(Deadline.after(10).remaining())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
