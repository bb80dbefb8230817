"""The simulated node's image booted by QEMU alone: no firmware, no Matchbox, nothing of a bench. Judges nothing.

What it downloads is served by this process; its ports are reached on this host's loopback.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hil.clock import Deadline
from hil.images import simnode
from hil.images.image import Image
from hil.tools import programs
from hil.tools.cache import Cache

WITHIN = 120.0
"""Seconds that anything may take on a host that is busy with something else."""

HELLO_PORT = 8081


def simulated(**keys: object) -> Image:
    """The image of a rig's section, built if need be."""
    config = simnode.Config.model_validate({"kind": "simnode", **keys})
    return simnode.create(config, name="sim", cache=Cache(), deadline=Deadline.after(1800))


class Machine:
    """A machine that QEMU runs.

    Args:
        process: QEMU.
        serial: the file that its console goes to.
        ports: of this host, by the machine's.
    """

    def __init__(self, process: subprocess.Popen[bytes], serial: Path, ports: dict[int, int]) -> None:
        self.process = process
        self.ports = ports
        self._serial = serial

    @property
    def console(self) -> bytes:
        """What it has said."""
        return self._serial.read_bytes() if self._serial.exists() else b""

    def says(self, pattern: bytes) -> re.Match[bytes]:
        """Wait until the console has the pattern."""
        found = re.search(pattern, self.console)
        deadline = Deadline.after(WITHIN)
        while found is None:
            assert not deadline.expired, f"{pattern!r} is not on the console:\n{self.console[-3000:].decode()}"
            time.sleep(0.1)
            found = re.search(pattern, self.console)
        return found

    def ask(self, port: int, method: str = "GET", path: str = "/", body: bytes = b"") -> tuple[bytes, str]:
        """The body of an answer and its date; asked again while nobody listens behind the forwarded port."""
        deadline = Deadline.after(WITHIN)
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=5)
            try:
                connection.request(method, path, body)
                answer = connection.getresponse()
                return answer.read(), answer.headers.get("Date", "")
            except (OSError, http.client.HTTPException):
                assert not deadline.expired, f"port {port} does not answer:\n{self.console[-3000:].decode()}"
                time.sleep(0.1)
            finally:
                connection.close()

    def tell(self, port: int, method: str, path: str) -> bytes:
        """Ask once for what may end the machine; the body of its answer, b"" where that was lost with it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=5)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            connection.close()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now, no two the same: each is held until the last is there."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


@contextmanager
def booted(image: Image, folder: Path, *args: str) -> Iterator[Machine]:
    """The machine, switched on; off and gone at the end."""
    initrd, serial = folder / "initrd", folder / "serial"
    initrd.write_bytes(b"".join(asset.path.read_bytes() for asset in image.initrds))
    wanted = (*image.ports, HELLO_PORT)
    ports = dict(zip(wanted, _free_ports(len(wanted)), strict=True))
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}" for there, here in ports.items())
    command = [
        str(programs.qemu().path),
        *("-M", "virt", "-accel", "tcg", "-cpu", "cortex-a57", "-m", "512", "-nodefaults", "-nographic"),
        *("-serial", f"file:{serial}", "-kernel", str(image.kernel.path), "-initrd", str(initrd)),
        *("-append", " ".join([*image.args, *args]), "-no-reboot"),
        *("-netdev", f"user,id=n0{forwards}", "-device", "virtio-net-pci,netdev=n0,romfile="),
        *("-device", "virtio-rng-pci"),
    ]
    process = subprocess.Popen(command)
    try:
        yield Machine(process, serial, ports)
    finally:
        process.kill()
        process.wait()


@contextmanager
def served(answer: Callable[[str], bytes]) -> Iterator[str]:
    """A web server's address as the machine sees it; QEMU's network leads there from 10.0.2.2."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://10.0.2.2:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
