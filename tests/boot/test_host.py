"""`node.host` on the real probe image: testinfra over a UART, and the machine's kernel printing in between."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.rigs import PROBE_RIG, write_rig

from hil.bench import open_bench
from hil.clock import Deadline, hold
from hil.config.rig import load_rig
from hil.errors import NodeError
from hil.machine import PowerState
from hil.node import Node

pytest.importorskip("testinfra")

pytestmark = pytest.mark.boot

LONG = 240.0
EVERY_BYTE = "for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do for j in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do "
EVERY_BYTE += 'printf "\\\\x$i$j"; done; done'
NOISE = 'while :; do echo "<3>hil-noise, words of a kernel" > /dev/kmsg; usleep 4000; done'


def wait_off(node: Node) -> None:
    """The console may end some milliseconds before the emulator has."""
    deadline = Deadline.after(LONG)
    while node.power.state() is not PowerState.OFF:
        assert not deadline.expired
        hold(0.02)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The probe, booted; each test leaves it so, or off."""
    folder = tmp_path_factory.mktemp("host")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        rig = load_rig(write_rig(folder, PROBE_RIG), cwd=folder)
        with open_bench(rig, artifacts=folder / "records") as bench:
            yield bench.nodes["node1"]


def test_a_command_has_its_status_and_both_its_outputs(node: Node) -> None:
    done = node.host.run("printf %%s %s; echo err >&2; exit 7", 'it\'s "out" \\n', within=LONG)
    assert (done.rc, done.stdout, done.stderr) == (7, 'it\'s "out" \\n', "err\n")
    assert node.host.run("kill -9 $$", within=LONG).rc == 137
    assert node.host.check_output("echo %s", "x" * 20_000, within=LONG) == "x" * 20_000


def test_testinfras_modules(node: Node) -> None:
    host = node.host
    script = host.file("/etc/udhcpc.script")
    assert (script.exists, script.is_file, script.mode, script.uid) == (True, True, 0o755, 0)
    assert script.content.startswith(b"#!/bin/busybox sh\n")
    assert script.sha256sum == hashlib.sha256(script.content).hexdigest()
    assert not host.file("/etc/talos").exists
    assert host.file("/www").listdir() == ["facts", "healthz"]
    assert host.file("/bin/ls").linked_to == "/bin/busybox"
    server = host.process.get(comm="httpd")
    assert (server.args, server.ppid) == ("httpd -p 8080 -h /www", 1)
    assert host.mount_point("/proc").filesystem == "proc"
    assert host.socket("tcp://8080").is_listening
    assert host.interface("eth0").addresses[0] == "10.0.2.15"
    assert host.system_info.arch == "aarch64"
    assert host.sysctl("kernel.osrelease") == host.check_output("uname -r")
    assert host.environment()["PATH"] == "/bin"


def test_the_example_of_the_page_on_it(node: Node) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testinfra.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    tests: dict[str, Callable[[Node], None]] = {}
    exec(example, tests)
    assert [test(node) for name, test in tests.items() if name.startswith("test_")] == [None, None]


def test_every_byte_and_a_megabyte_of_them(node: Node) -> None:
    assert node.host.run(EVERY_BYTE, within=LONG).stdout_bytes == bytes(range(256))
    done = node.host.run("head -c 1048576 /dev/urandom | tee /tmp/data; sha256sum /tmp/data >&2", within=LONG)
    assert len(done.stdout_bytes) == 1 << 20
    assert done.stderr.split()[0] == hashlib.sha256(done.stdout_bytes).hexdigest()


def test_lines_of_the_kernel_in_between_harm_nothing(node: Node) -> None:
    host, transcript = node.host, node.console.transcript
    host.run("echo 8 > /proc/sys/kernel/printk", within=LONG)
    noise = host.check_output(f"({NOISE}) > /dev/null 2>&1 & echo $!", within=LONG)
    start = transcript.end
    try:
        for _ in range(3):
            assert host.run(EVERY_BYTE, within=LONG).stdout_bytes == bytes(range(256))
            done = host.run("head -c 65536 /dev/urandom | tee /tmp/data; sha256sum /tmp/data >&2", within=LONG)
            assert done.stderr.split()[0] == hashlib.sha256(done.stdout_bytes).hexdigest()
    finally:
        host.run(f"kill {noise}; echo 4 > /proc/sys/kernel/printk", within=LONG)
    said = transcript.bytes(start, transcript.end)
    # The kernel did print, and within a line of base64 too.
    assert re.search(rb"[A-Za-z0-9+/]\[ {0,4}\d+\.\d+\] hil-noise", said)


def test_a_command_that_hangs_is_killed_there(node: Node) -> None:
    with pytest.raises(
        NodeError, match=r"'echo \$\$; echo so far; sleep 600' did not end within 3 s; it was killed"
    ) as hung:
        node.host.run("echo $$; echo so far; sleep 600", within=3)
    pid, words, _ = hung.value.evidence
    assert words == "stdout: so far"
    assert not node.host.file(f"/proc/{pid.split()[-1]}").exists


def test_a_machine_that_restarts_under_a_command_is_said_and_then_waited_for(node: Node) -> None:
    with pytest.raises(NodeError, match="the machine restarted before the command's result was fetched"):
        node.host.run("echo words > /tmp/words; reboot -f; sleep 60", within=LONG)
    assert node.host.check_output("cat /tmp/words 2>&1 || true", within=LONG).endswith("No such file or directory")


def test_a_machine_that_goes_off_is_said_and_the_next_boot_has_a_host_of_its_own(node: Node) -> None:
    before = node.host
    with pytest.raises(NodeError, match="the machine went off"):
        before.run("poweroff -f; sleep 60", within=LONG)
    wait_off(node)
    boots = len(node.boots)
    assert node.host.check_output("echo on again", within=LONG) == "on again"
    assert len(node.boots) == boots + 1
    assert node.host is not before
