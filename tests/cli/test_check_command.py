"""`hil check` on a stand-in for Talos: options, exit codes, the document, and watching on a terminal and off it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, kubeconfig, serving
from support.fake_talos import FakeTalos
from support.talos_pki import Cluster, self_signed

from hil import cli
from hil.cli.check import command
from hil.clock import Deadline
from hil.keeper.runtime import LiveBench
from hil.reached import Reached, write_reached
from hil.readiness.kubernetes import kinds
from hil.readiness.talos.certificate import Certificate

WITHIN = 60.0


@dataclass
class Node:
    """A node, and what opens it."""

    talos: FakeTalos
    talosconfig: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.talos.port}"

    @property
    def words(self) -> list[str]:
        return ["check", self.address, "--talosconfig", str(self.talosconfig)]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def node(tmp_path: Path, cluster: Cluster) -> Iterator[Node]:
    with FakeTalos(tmp_path, cluster, cluster.server()) as talos:
        yield Node(talos, cluster.talosconfig(tmp_path / "talosconfig", cluster.client("os:admin")))


@pytest.fixture(autouse=True)
def benches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LiveBench]:
    """No bench is open, and no talosconfig is found that the test does not name."""
    live: list[LiveBench] = []
    monkeypatch.setattr("hil.checking.target.live_benches", lambda: live)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TALOSCONFIG", raising=False)
    monkeypatch.delenv("TALOS_HOME", raising=False)
    return live


def test_the_document_has_the_exit_code_that_the_program_has(
    node: Node, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both depend on what the node answered last, and it may go away between the two."""
    codes = iter([1, 3])
    monkeypatch.setattr("hil.checking.asked.Asked.exit_code", lambda asked, found: next(codes))
    code = cli.run([*node.words, "--json"])
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


def test_ready(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(node.words) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"{node.address}: ready: all 4 conditions hold",
        "  condition    holds  expected                    observed             source",
        "  talos.api    true   answers to the talosconfig  answers as os:admin  api",
        "  talos.stage  true   running                     running              api",
        "  talos.ready  true   ready                       ready                api",
        "  talos.unmet  true   nothing                     nothing              api",
    ]
    assert captured.err == ""


def test_not_ready(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.talos.be("booting", ready=False, unmet={"services": "kubelet not healthy"})
    assert cli.run(node.words) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{node.address}: not ready: 3 of 4 conditions do not hold\n")
    assert "services (kubelet not healthy)" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_secret_of_the_environment_is_not_shown(
    node: Node, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HIL_TEST_TOKEN", "sesame-of-the-check-command")
    assert cli.run([*node.words, *more, "--hostname", "x-sesame-of-the-check-command"]) == 1
    captured = capsys.readouterr()
    assert "sesame" not in captured.out + captured.err
    assert "x-[redacted]" in captured.out


def test_not_asked(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        words = ["check", f"127.0.0.1:{held.getsockname()[1]}", *node.words[2:]]
        assert cli.run(words) == 3
        captured = capsys.readouterr()
        assert "talos.api    FALSE    answers to the talosconfig  connection refused  api" in captured.out
        assert re.fullmatch(r"127.0.0.1:\d+ refuses the connection: .*\n  what to do: .*\n", captured.err)
        assert cli.run([*words, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["trouble"]["message"].startswith("127.0.0.1:")
    assert set(document["trouble"]) == {"message", "hint"}
    assert document["exit_code"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a b"], "neither a node of an open bench nor an address"),
        (["virt-x/node1"], "there is no node virt-x/node1"),
        (["h", "--version", "1.13"], "is no version of Talos"),
        (["h", "--stage", "runing"], "what is expected of Talos cannot be: stage"),
        (["h", "--extension", "Siderolabs/Tailscale"], "cannot be the name of an extension"),
        (["h", "--service", "ext tailscale"], "cannot be the name of an extension"),
        (["h", "--fingerprint", "abc"], "is not the fingerprint of a key"),
        (["h", "--context", "other"], "there is no context 'other'"),
        (["h", "--within", "0"], "--within"),
        (["h", "--within", "1", "--stable-for", "1"], "cannot both be"),
        (["h", "--stable-for", "1"], "--stable-for alone waits for nothing"),
        (["h", "--watch", "--within", "1"], "--watch goes on until Ctrl-C"),
        (["h", "--watch", "--stable-for", "1"], "--watch goes on until Ctrl-C"),
        (["h", "--insecure"], "--insecure asks without a talosconfig"),
        (["h", "--talosconfig", "/nonexistent"], "/nonexistent: the talosconfig cannot be read"),
    ],
)
def test_bad_input(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    file = cluster.talosconfig(tmp_path / "tc", cluster.client("os:admin"))
    opened = [] if "--talosconfig" in words else ["--talosconfig", str(file)]
    assert cli.run(["check", *("127.0.0.1:1" if word == "h" else word for word in words), *opened]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (["--version", "v1.13.9"], ("talos.version", "v1.13.9", True)),
        (["--version", "v1.14.0"], ("talos.version", "v1.14.0", False)),
        (["--hostname", "node1"], ("talos.hostname", "node1", True)),
        (["--hostname", "node2"], ("talos.hostname", "node2", False)),
        (["--extension", "hello"], ("talos.extension.hello", "any version", True)),
        (["--extension", "hello=0.1.0"], ("talos.extension.hello", "0.1.0", True)),
        (["--extension", "hello=0.2.0"], ("talos.extension.hello", "0.2.0", False)),
        (["--service", "hello"], ("talos.service.ext-hello", "running", True)),
        (["--service", "spin"], ("talos.service.ext-spin", "running", False)),
        (["--stage", "running"], ("talos.stage", "running", True)),
    ],
)
def test_what_is_expected(
    node: Node, capsys: pytest.CaptureFixture[str], words: list[str], row: tuple[str, str, bool]
) -> None:
    name, expected, holds = row
    assert cli.run([*node.words, *words, "--json"]) == (0 if holds else 1)
    document = json.loads(capsys.readouterr().out)
    [found] = [condition for condition in document["conditions"] if condition["name"] == name]
    assert (found["expected"], found["truth"] == "true") == (expected, holds)


def test_an_option_given_again_expects_one_thing_more(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--service", "hello", "--service", "spin", "--extension", "hello", "--extension", "spin=1"]
    assert cli.run([*node.words, *words]) == 1
    assert "2 of 8 conditions do not hold" in capsys.readouterr().out


def test_the_document_is_stable(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.talos.said.commit = "simnode"
    assert cli.run([*node.words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    conditions = document.pop("conditions")
    assert document == {
        "schema": "hil.check/1",
        "node": node.address,
        "address": node.address,
        "ready": True,
        "stopped": "",
        "waited": "",
        "simulated": "simulated Talos node",
        "trouble": None,
        "exit_code": 0,
    }
    assert conditions[0] == {
        "name": "talos.api",
        "truth": "true",
        "expected": "answers to the talosconfig",
        "observed": "answers as os:admin",
        "source": "api",
        "seconds": None,
    }


def test_every_option_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "talos.md").read_text()
    assert [
        name for option in command.params for name in option.opts if name.startswith("--") and name not in page
    ] == []


def test_waiting(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*node.words, "--within", "60", "--stable-for", "0.1"]) == 0
    assert "conditions hold, waited at most 60 s, stable for 0.1 s\n" in capsys.readouterr().out
    node.talos.be("booting", ready=False)
    assert cli.run([*node.words, "--within", "0.1"]) in (1, 3)


def test_maintenance_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = self_signed()
    right, wrong = Certificate.from_pem(server.crt).fingerprint, "A" * 43 + "="
    with FakeTalos(tmp_path, None, server) as talos:
        talos.be("maintenance")
        words = ["check", f"127.0.0.1:{talos.port}", "--insecure"]
        assert cli.run(words) == 0
        assert "answers in maintenance mode; its identity is unverified" in capsys.readouterr().out
        assert cli.run([*words, "--fingerprint", right]) == 0
        assert "unverified" not in capsys.readouterr().out
        assert cli.run([*words, "--stage", "running"]) == 1
        assert cli.run([*words, "--fingerprint", wrong]) == 3
    assert "another machine answers there" in capsys.readouterr().err


def test_the_context_that_is_named(
    node: Node, cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = cluster.talosconfig(tmp_path / "reader", cluster.client("os:reader"), context="reader")
    both = node.talosconfig.read_text() + "".join(reader.read_text().splitlines(keepends=True)[2:])
    node.talosconfig.write_text(both)
    assert cli.run([*node.words, "--context", "reader"]) == 0
    assert "answers as os:reader" in capsys.readouterr().out


def test_a_node_of_a_bench(
    node: Node, benches: list[LiveBench], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benches.append(LiveBench("virt-x1", tmp_path))
    expect = {"hostname": "node1"}
    write_reached(tmp_path, Reached("n1", "127.0.0.1", node.talos.port, str(node.talosconfig), expect=expect))
    for words in (["check"], ["check", "n1"], ["check", "virt-x1/n1"]):
        assert cli.run(words) == 0
        assert capsys.readouterr().out.startswith("virt-x1/n1: ready: all 5 conditions hold\n")
    assert cli.run(["check", "n1", "--hostname", "n1", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["node"], document["address"]) == ("virt-x1/n1", node.address)


class Watched:
    """`hil check --watch` as a process.

    Args:
        command: its arguments.
        terminal: whether standard output is a terminal.
    """

    def __init__(self, command: list[str], *, terminal: bool) -> None:
        self._ours, theirs = pty.openpty() if terminal else os.pipe()
        if terminal:
            ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from hil.start import main; main()", *command, "--watch"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        self.seen = ""

    def until(self, *words: str) -> None:
        """Read until each of these has come after the one before."""
        pattern = re.compile(".*".join(re.escape(word) for word in words), re.DOTALL)
        deadline = Deadline.after(WITHIN)
        while pattern.search(self.seen) is None:
            assert select.select([self._ours], [], [], deadline.remaining())[0], self.seen
            data = os.read(self._ours, 65536)
            assert data, self.seen
            self.seen += data.decode()

    def interrupt(self) -> str:
        """Ctrl-C; what it says then. Its exit code is 130."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=WITHIN)
        assert self.process.returncode == 130
        return bytes(said).decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._ours)


@contextmanager
def watching(command: list[str], *, terminal: bool) -> Iterator[Watched]:
    watched = Watched(command, terminal=terminal)
    try:
        yield watched
    finally:
        watched.close()


def test_watching_where_no_terminal_is(node: Node) -> None:
    with watching([*node.words, "--service", "hello"], terminal=False) as watched:
        watched.until(
            "Z talos.api: true: answers as os:admin (api)\n", f"{node.address}: ready: all 5 conditions hold\n"
        )
        node.talos.be(services={"apid": ("Running", True)})
        watched.until("talos.service.ext-hello: false: absent", "not ready: 1 of 5 conditions do not hold\n")
        assert "interrupted" in watched.interrupt()
    assert all(re.match(r"\d\d:\d\d:\d\dZ ", line) for line in watched.seen.splitlines())
    assert "\x1b" not in watched.seen


def test_watching_on_a_terminal(node: Node) -> None:
    with watching(node.words, terminal=True) as watched:
        watched.until("ready: all 4 conditions hold", "talos.unmet")
        node.talos.be("rebooting", ready=False)
        watched.until("not ready: 2 of 4 conditions do not hold", "rebooting")
        watched.interrupt()
    assert "\x1b[" in watched.seen


def test_watching_by_documents(node: Node) -> None:
    with watching([*node.words, "--json"], terminal=False) as watched:
        watched.until('"ready": true', "\n")
        node.talos.be("rebooting", ready=False)
        watched.until('"ready": true', '"ready": false', "\n")
        watched.interrupt()
    documents = [json.loads(line) for line in watched.seen.splitlines()]
    assert {document["schema"] for document in documents} == {"hil.check/1"}
    assert [documents[0]["exit_code"], documents[-1]["exit_code"]] == [0, 1]


@dataclass
class Kube:
    """A cluster with one node, tp-1, that is ready; what opens it; and an address at which Talos is not asked."""

    cluster: FakeCluster
    file: Path
    address: str

    @property
    def words(self) -> list[str]:
        return ["check", self.address, "--kubernetes", "tp-1", "--kubeconfig", str(self.file)]


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    with serving() as cluster, socket.create_server(("127.0.0.1", 0)) as nobody:
        cluster.put(kinds.NODE, made.node("tp-1"))
        cluster.knows(kinds.LEASE, kinds.POD)
        file = tmp_path / "kubeconfig"
        file.write_bytes(kubeconfig(f"http://127.0.0.1:{cluster.port}"))
        yield Kube(cluster, file, f"127.0.0.1:{nobody.getsockname()[1]}")
        nobody.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            nobody.accept()


def test_a_node_in_its_cluster_without_any_talosconfig(kube: Kube, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(kube.words) == 0
    captured = capsys.readouterr()
    head, _, *rows = captured.out.splitlines()
    assert head == f"{kube.address}: ready: all 3 conditions hold"
    assert [row.split()[0] for row in rows] == ["kubernetes.node", "kubernetes.arch", "kubernetes.pods"]
    assert captured.err == ""


def test_a_node_that_its_cluster_does_not_call_ready(kube: Kube, capsys: pytest.CaptureFixture[str]) -> None:
    kube.cluster.put(kinds.NODE, made.node("tp-1", made.status("Ready", "False", "KubeletNotReady", "no network")))
    assert cli.run([*kube.words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    truths = {condition["name"]: condition["truth"] for condition in document["conditions"]}
    assert (truths["kubernetes.node"], truths["kubernetes.arch"]) == ("false", "true")
    assert (document["exit_code"], document["trouble"]) == (1, None)


def test_the_context_of_the_kubeconfig(kube: Kube, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*kube.words, "--kube-context", "c"]) == 0
    assert cli.run([*kube.words, "--kube-context", "d"]) == 2
    assert f"{kube.file}: there is no 'd' among its contexts: c" in capsys.readouterr().err
    kube.file.unlink()
    assert cli.run(kube.words) == 2
    assert "the kubeconfig cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["--kubernetes", "tp-1"], "no kubeconfig was given, and Talos, which would hand one out, is not asked"),
        (["--cozystack"], "no kubeconfig was given"),
    ],
)
def test_nobody_to_ask(kube: Kube, capsys: pytest.CaptureFixture[str], words: list[str], missing: str) -> None:
    assert cli.run(["check", kube.address, *words]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith(missing)
    assert "what to do: give what is missing; `hil check --help` says how" in captured.err


def test_no_peer_and_no_control_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.checking.around.HOST_PEER", tmp_path / "none.sock")
    file = tmp_path / "expect.yaml"
    file.write_text("tailscale: {healthz: null}\n")
    assert cli.run(["check", "127.0.0.1:1", "--tailscale", "tp-1", "--expect", str(file)]) == 3
    captured = capsys.readouterr()
    assert "no tailscaled of this host is in the tailnet, so the node cannot be pinged" in captured.err
    assert "what to do: give what is missing" in captured.err
    assert cli.run(["check", "127.0.0.1:1", "--tailscale", "tp-1", "--expect", str(file), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert "no tailscaled" in document["trouble"]["message"]
    assert {condition["truth"] for condition in document["conditions"]} == {"unknown"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--spin", "hello"], "what is expected of Spin cannot be: serves.path"),
        (["--kubernetes", "TP 1"], "what is expected of Kubernetes cannot be: node"),
        (["--tailscale", ""], "what is expected of Tailscale cannot be: hostname"),
        (["--tailscale", "n1", "--control", "https://h"], "$HEADSCALE_API_KEY has no key of its API"),
        (["--tailscale", "n1", "--control", "h"], "'h' is not the address of a control server"),
        (["--expect", "/nonexistent"], "/nonexistent: No such file or directory"),
        (["--kubernetes", "n1", "--version", "v1.13.9"], "there is no talosconfig"),
    ],
)
def test_bad_input_on_what_stands_around(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.delenv("HEADSCALE_API_KEY", raising=False)
    assert cli.run(["check", "127.0.0.1:1", *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "what to do: " in captured.err
    assert captured.out == ""


def test_a_file_that_is_wrong_is_shown_with_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "expect.yaml"
    file.write_text("talos:\n  verison: v1.13.9\ntailscal: {}\n")
    assert cli.run(["check", "127.0.0.1:1", "--expect", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}:2:3: unknown key 'verison'\n      verison: v1.13.9\n      ^\n    did you mean 'version'?" in said
    assert f"{file}:3:1: unknown key 'tailscal'" in said
    assert "did you mean 'tailscale'?" in said


def test_an_option_goes_before_a_file_and_leaves_its_other_keys(
    kube: Kube, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "expect.yaml"
    file.write_text("kubernetes: {node: other, version: v1.34.4, pods: none}\n")
    assert cli.run([*kube.words, "--expect", str(file)]) == 0
    rows = capsys.readouterr().out
    assert "kubernetes.version" in rows
    assert "kubernetes.pods" not in rows


def test_keys_of_talos_in_a_file(node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "expect.yaml"
    file.write_text("talos: {hostname: other, version: v1.13.9}\n")
    assert cli.run([*node.words, "--expect", str(file)]) == 1
    assert cli.run([*node.words, "--expect", str(file), "--hostname", "node1"]) == 0
    assert "all 6 conditions hold" in capsys.readouterr().out


def test_a_benchs_node_is_asked_for_all_that_its_rig_expects(
    node: Node, kube: Kube, benches: list[LiveBench], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benches.append(LiveBench("virt-x1", tmp_path))
    reached = Reached(
        "tp-1",
        "127.0.0.1",
        node.talos.port,
        str(node.talosconfig),
        sections={"kubernetes": {"pods": "none"}},
        kubeconfig=str(kube.file),
    )
    write_reached(tmp_path, reached)
    assert cli.run(["check", "tp-1"]) == 0
    assert "kubernetes.node" in capsys.readouterr().out
    assert cli.run(["check", "tp-1", "--kubernetes", "tp-2"]) == 1
    rows = capsys.readouterr().out
    assert "tp-2" in rows
    assert "kubernetes.pods" not in rows, "the rig's other keys stay"


IMPORTS = """
import sys
from hil import cli
from hil.readiness.talos.api import TalosApi

connects = TalosApi.__init__

def noted(self, *given, **more):
    print(*sorted(sys.modules), file=sys.stderr)
    connects(self, *given, **more)

TalosApi.__init__ = noted
code = cli.run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def test_what_a_check_of_talos_alone_does_without(node: Node) -> None:
    """To connect takes as long as to learn what is expected, and a cluster's library longer than the whole check."""
    command = [sys.executable, "-c", IMPORTS, *node.words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stderr
    before, after = (set(line.split()) for line in done.stderr.splitlines())
    never = {
        "lightkube",
        "httpx",
        "hil.asking.sides",
        "hil.joining",
        "hil.services.tailnet.tailnet",
        "urllib3",
        "rich",
    }
    first = {"pydantic", "hil.config.expect", "hil.checking.sections"}
    assert before & never == after & never == set()
    assert before & first == set()
    assert {"hil.readiness.talos.api", "hil.checking.target"} <= before
