"""The simulated node's image as QEMU boots it by itself: no firmware, no Matchbox, nothing of a bench.

The configuration that it downloads is Talos's own generator's; what it says on its console is read as bytes.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.images import simnode
from hil.images.image import Image
from hil.services.talos_config import generate
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import quiet

WITHIN = 120.0
HELLO_PORT = 8081


def simulated(**keys: object) -> Image:
    config = simnode.Config.model_validate({"kind": "simnode", **keys})
    return simnode.create(config, name="sim", cache=Cache(), deadline=Deadline.after(1800))


class Machine:
    """A machine that QEMU runs; its ports are reached on this host's loopback."""

    def __init__(self, process: subprocess.Popen[bytes], serial: Path, ports: dict[int, int]) -> None:
        self.process = process
        self.ports = ports
        self._serial = serial

    @property
    def console(self) -> bytes:
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def booted(image: Image, folder: Path, *args: str) -> Iterator[Machine]:
    """The machine, switched on; off and gone at the end."""
    initrd, serial = folder / "initrd", folder / "serial"
    initrd.write_bytes(b"".join(asset.path.read_bytes() for asset in image.initrds))
    ports = {port: free_port() for port in (*image.ports, HELLO_PORT)}
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


@pytest.fixture
def config(tmp_path: Path) -> bytes:
    made = generate(
        node_program("talostool", Cache(), progress=quiet, deadline=Deadline.after(1800)),
        tmp_path / "talos",
        cluster="direct",
        hostname="direct1",
        endpoint="https://10.0.2.15:6443",
        sans=["127.0.0.1"],
        extension_configs=simulated().extension_configs,
        install_disk="/dev/vda",
        deadline=Deadline.after(60),
    )
    return made.config.read_bytes()


def test_a_node_boots_runs_its_extension_and_does_what_it_is_told(tmp_path: Path, config: bytes) -> None:
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return config

    with (
        served(answer) as url,
        booted(simulated(control=True), tmp_path, f"talos.config={url}/c?mac=${{mac}}") as machine,
    ):
        assert machine.ask(HELLO_PORT)[0] == b"hello hil\n"
        assert asked == ["/c?mac=52%3A54%3A00%3A12%3A34%3A56"]
        machine.says(rb"\[talos\] simulated Talos node \(simnode\), machinery v1\.13\.9")
        machine.says(rb"\[talos\] machine is running and ready")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        api = ("127.0.0.1", machine.ports[simnode.API_PORT])
        with socket.create_connection(api, timeout=20) as plain, context.wrap_socket(plain) as secure:
            assert (secure.selected_alpn_protocol(), secure.version()) == ("h2", "TLSv1.3")

        def told(method: str, path: str, body: bytes = b"") -> object:
            return json.loads(machine.ask(simnode.CONTROL_PORT, method, path, body)[0])

        assert told("GET", "/faults") == {"faults": []}
        assert told("POST", "/entropy", b"\x5a" * 32) == {}
        assert told("PUT", "/clock", b'{"time":"2031-02-03T04:05:06Z"}') == {}
        date = parsedate_to_datetime(machine.ask(HELLO_PORT)[1])
        assert (date.year, date.month, date.day, date.hour) == (2031, 2, 3, 4)
        assert told("PUT", "/faults/extension-crashloop") == {"faults": ["extension-crashloop"]}
        machine.says(
            rb"service\[ext-hello\]\(Waiting\): Error running Containerd\(ext-hello\), going to restart forever:"
            rb' task "ext-hello" failed: exit code 137'
        )
        assert told("PUT", "/faults/panic") == {"faults": ["extension-crashloop", "panic"]}
        machine.says(rb"Kernel panic - not syncing: sysrq triggered crash")
        assert machine.process.wait(WITHIN) == 0, "panic=-1 starts the machine anew at once"


def test_without_the_kernels_protection_it_says_so_in_taloss_words_and_reboots(tmp_path: Path) -> None:
    image = simulated(extensions=())
    unprotected = replace(image, args=tuple(arg for arg in image.args if arg != "pti=on"))
    with booted(unprotected, tmp_path) as machine:
        assert machine.process.wait(WITHIN) == 0
        lines = [
            rb"\[talos\] error running phase 1 in initialize sequence: ",
            rb"\* KSPP kernel parameter pti is required",
            rb"\[talos\] rebooting in 10 seconds",
            rb"\[talos\] rebooting in 0 seconds",
            rb"reboot: Restarting system",
        ]
        assert re.search(b".*".join(lines), machine.console, re.DOTALL), machine.console[-3000:].decode()
        assert b"ext-hello" not in machine.console, "an image that does not list the extension has it"
