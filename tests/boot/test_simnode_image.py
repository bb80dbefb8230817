"""The simulated node's image as QEMU boots it by itself: no firmware, no Matchbox, nothing of a bench.

The configuration that it downloads is Talos's own generator's; what it says on its console is read as bytes.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from support.direct import HELLO_PORT, WITHIN, booted, served, simulated

from hil.clock import Deadline
from hil.images import simnode
from hil.services.talos_config import generate
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import quiet


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
        answer = machine.tell(simnode.CONTROL_PORT, "PUT", "/faults/panic")
        assert not answer or json.loads(answer) == {"faults": ["extension-crashloop", "panic"]}
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
