"""A home router on a bench's wire: a second dnsmasq, which gives addresses and knows nothing of boot files. A script.

Run as `home_router.py BRIDGE DNSMASQ` in the bench's network; the router is in one of its own, joined to the bridge by
a pair of interfaces. Its own process becomes dnsmasq.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ADDRESS, MAC = "192.168.1.1", "02:00:00:00:01:01"
_SETTINGS = "interface=wan1\nbind-interfaces\nport=0\nno-ping\nleasefile-ro\n"
_RANGE = "dhcp-range=192.168.1.50,192.168.1.90,255.255.255.0\n"


def main(bridge: str, dnsmasq: str) -> None:
    """Join it to the bridge, and serve until killed."""
    other = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    ours = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{other.pid}/ns/net").readlink() == ours:
        time.sleep(0.01)
    within = ["nsenter", f"--target={other.pid}", "--net"]
    for words in (
        f"ip link add wan0 type veth peer name wan1 address {MAC} netns {other.pid}",
        f"ip link set wan0 master {bridge} up",
    ):
        subprocess.run(words.split(), check=True)
    for words in (f"ip address add {ADDRESS}/24 dev wan1", "ip link set wan1 up"):
        subprocess.run([*within, *words.split()], check=True)
    settings = os.memfd_create("settings", 0)
    os.write(settings, (_SETTINGS + _RANGE).encode())
    os.execvp("nsenter", [*within, dnsmasq, "--no-daemon", f"--conf-file=/proc/self/fd/{settings}"])


if __name__ == "__main__":
    main(*sys.argv[1:])
