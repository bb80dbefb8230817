"""A network of a namespace alone, with a real dnsmasq and one tap for a bootloader of the bench twin."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hil.clock import Deadline
from hil.sim.rom import __main__ as program
from hil.sim.rom.report import Report
from hil.sim.rom.settings import Settings
from hil.tools import dnsmasq

_WITHIN = 20.0
_NET = """
set -e
ip link add br0 type bridge
ip address add 10.77.0.1/24 dev br0
ip link set br0 up
ip tuntap add tap0 mode tap
ip link set tap0 master br0 up
exec "$@"
"""
_ARGUMENTS = (
    "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--port=0", "--interface=br0",
    "--bind-interfaces", "--no-ping", "--dhcp-range=10.77.0.50,10.77.0.90", "--enable-tftp",
)  # fmt: skip


class Lan:
    """The network, while it runs.

    Args:
        process: dnsmasq's, in the namespace.
        log: the file that it writes to.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        """What dnsmasq has said."""
        return self._log.read_text()

    def says(self, words: str) -> bool:
        """Whether dnsmasq says this: of a file that it has sent it does so after the board has all of it."""
        deadline = Deadline.after(_WITHIN)
        while words not in self.log and not deadline.expired:
            time.sleep(0.01)
        return words in self.log

    def start(self, settings: Settings) -> subprocess.Popen[bytes]:
        """A bootloader's process; its standard input takes faults."""
        enter = ["nsenter", "--target", str(self._process.pid), "--net"]
        enter += [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        argv = [*enter, sys.executable, "-I", "-S", "-E", str(program.__file__), settings.to_json()]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe)

    def boot(self, settings: Settings) -> tuple[Report, str]:
        """A power-on to its end: its report, and what was on its UART."""
        with self.start(settings) as process:
            said, words = process.communicate(timeout=_WITHIN)
        return Report.from_json(words.splitlines()[-1]), said.decode()


@contextmanager
def lan(folder: Path, *, menu: str = "Raspberry Pi Boot") -> Iterator[Lan]:
    """One that serves a folder's files.

    Args:
        folder: for its files, in "tftp", and for its log.
        menu: what its option 43 says.
    """
    (folder / "tftp").mkdir(exist_ok=True)
    log = folder / "dnsmasq.log"
    way = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    own = [f"--tftp-root={folder / 'tftp'}", f"--dhcp-leasefile={folder / 'leases'}", f"--pxe-service=0,{menu}"]
    own += ["--user=root"] if os.geteuid() == 0 else []
    argv = ["unshare", *way, "sh", "-c", _NET, "sh", str(dnsmasq.find().path), *_ARGUMENTS, *own]
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output) as process:
        try:
            _await(process, log)
            yield Lan(process, log)
        finally:
            process.terminate()


def _await(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = Deadline.after(_WITHIN)
    while "TFTP root" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert deadline.remaining(), log.read_text()
        time.sleep(0.01)


def read_until(stream: IO[bytes] | None, words: bytes) -> bytes:
    """Of a process's output, up to the line with these words."""
    assert stream is not None
    said = b""
    for line in stream:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} is not in {said!r}")
