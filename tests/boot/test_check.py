"""`hil check ADDRESS` as its user types it: a node that nobody of this bench booted, and each trouble with its words.

The node is the simulated one as a process of this host; those who are not Talos are strangers.
"""

from __future__ import annotations

import json
import re
import signal
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import strangers
from support.rigs import Hil, Ran, run_hil
from support.simnode import PATIENCE, hello_layer, hosted, make_client, make_config
from support.talos_pki import Cluster

from hil.services.talos_config import MachineConfig

pytestmark = pytest.mark.boot

SIMULATED = "simulated Talos node"
RUNS = "machine is running and ready"


@dataclass(frozen=True)
class Given:
    """What a person has: clients of a cluster, of another one, and an image's layer."""

    made: MachineConfig
    other: MachineConfig
    expired: Path
    layers: Path


@pytest.fixture(scope="module")
def given() -> Iterator[Given]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_config(folder / "hil")
        yield Given(
            made,
            make_config(folder / "other"),
            make_client(folder / "expired", made, expired=True),
            hello_layer(folder / "layers"),
        )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a person with no talosconfig and no open bench."""
    return tmp_path


def check(home: Path, *arguments: str | Path) -> Ran:
    return run_hil("check", *map(str, arguments), cwd=home, env=person(home), within=PATIENCE)


def person(home: Path) -> dict[str, str]:
    """Only the program has that home: what builds the node looks for its cache by the real one."""
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TALOSCONFIG": str(home / "nowhere"), "TALOS_HOME": ""}


def by(talosconfig: Path) -> list[str]:
    return ["--talosconfig", str(talosconfig)]


def test_a_node_that_is_ready(home: Path, given: Given) -> None:
    expected = ["--version", "v1.13.9", "--hostname", "node1", "--extension", "hello=0.1.0", "--service", "hello"]
    with hosted(given.made.config, extensions=given.layers) as node:
        done = check(home, node.address, *by(given.made.talosconfig), *expected, "--within", str(PATIENCE))
        assert done.code == 0, done.out + done.err
        first, header, *rows = done.out.splitlines()
        assert first.startswith(f"{node.address} ({SIMULATED}): ready: all 8 conditions hold, waited at most")
        assert re.fullmatch(r"  condition +holds +expected +observed +source", header)
        assert [row.split()[1] for row in rows] == ["true"] * 8
        assert done.err == ""

        # As talosctl finds it: no option at all, but for the port of this one.
        (home / ".talos").mkdir()
        (home / ".talos" / "config").symlink_to(given.made.talosconfig)
        assert check(home, node.address).code == 0

        document = check(home, node.address, *by(given.made.reader_talosconfig), "--json").document
        assert document["schema"] == "hil.check/1"
        assert (document["ready"], document["exit_code"], document["trouble"]) == (True, 0, None)
        assert (document["address"], document["simulated"]) == (node.address, SIMULATED)
        conditions = document["conditions"]
        assert isinstance(conditions, list)
        assert conditions[0]["observed"] == "answers as os:reader"


NOT_READY = {
    "version": (["--version", "v1.13.8"], "talos.version"),
    "hostname": (["--hostname", "node2"], "talos.hostname"),
    "extension": (["--extension", "hello=0.2.0"], "talos.extension.hello"),
    "no extension": (["--extension", "spin"], "talos.extension.spin"),
    "service": (["--service", "spin"], "talos.service.ext-spin"),
}


def test_a_node_that_is_not_what_is_expected(home: Path, given: Given) -> None:
    with hosted(given.made.config, extensions=given.layers) as node:
        node.wait_for(RUNS)
        for arguments, name in NOT_READY.values():
            done = check(home, node.address, *by(given.made.talosconfig), *arguments, "--json")
            assert done.code == done.document["exit_code"] == 1, done.out
            conditions = done.document["conditions"]
            assert isinstance(conditions, list)
            assert [each["name"] for each in conditions if each["truth"] != "true"] == [name]
        other = check(home, node.address, *by(given.made.talosconfig), "--hostname", "node2")
        assert other.code == 1, "with a table as with a document"
        assert re.search(r"talos\.hostname +FALSE +node2 +node1: a configuration of another node\? +api", other.out)


def test_watching_shows_each_change(home: Path, given: Given) -> None:
    with hosted(given.made.config, extensions=given.layers) as node:
        node.wait_for(RUNS)
        arguments = ["check", node.address, *by(given.made.talosconfig), "--service", "hello", "--watch"]
        env = person(home)
        with Hil([*arguments, "--json"], home, env) as documents, Hil(arguments, home, env) as lines:
            wait_for(documents, r'"ready": true')
            wait_for(lines, r"talos\.service\.ext-hello: true: running \(api\)")
            node.inject("time-unsynced")
            wait_for(documents, r'"ready": false.*time is not synced')
            wait_for(lines, r"talos\.unmet: false: time \(time is not synced\) \(api\)")
            node.clear("time-unsynced")
            wait_for(lines, r"(?s)talos\.unmet: false.*talos\.unmet: true: nothing \(api\)")
            for hil in (documents, lines):
                hil.signal(signal.SIGINT)
                assert hil.finish(within=PATIENCE) == 130, hil.stderr
            assert all(json.loads(line)["schema"] == "hil.check/1" for line in documents.stdout.splitlines())


def wait_for(hil: Hil, pattern: str) -> None:
    hil.wait_for_output(pattern, within=PATIENCE)


@dataclass(frozen=True)
class Words:
    """What is said of a trouble: the table's row talos.api, and what follows the table.

    Args:
        code: the exit code.
        short: in the table.
        message: on standard error.
        hint: what to do.
    """

    code: int
    short: str
    message: str
    hint: str


def said(home: Path, *arguments: str | Path) -> Words:
    """What `hil check` says of a node in trouble."""
    done = check(home, *arguments, "--json")
    trouble = done.document["trouble"]
    conditions = done.document["conditions"]
    assert isinstance(trouble, dict), done.out
    assert isinstance(conditions, list)
    return Words(done.code, conditions[0]["observed"], trouble["message"], trouble["hint"])


def test_troubles_of_a_node_that_runs(home: Path, given: Given) -> None:
    with hosted(given.made.config) as node:
        node.wait_for(RUNS)
        expired = said(home, node.address, *by(given.expired))
        assert expired.code == 3
        assert expired.message.startswith("the client certificate of the talosconfig expired at ")
        assert "have a new one made" in expired.hint

        # "wrong CA" and "of another cluster" are one thing here: its CA has not signed the node's certificate.
        other = said(home, node.address, *by(given.other.talosconfig))
        assert other.code == 3
        assert "is not signed by the CA of context 'other'" in other.message
        assert "that talosconfig is of another cluster" in other.message

        insecure = said(home, node.address, "--insecure")
        assert insecure.code == 3
        assert "requires a client certificate: the node has its machine configuration" in insecure.message

        node.inject("clock-off")
        clock = said(home, node.address, *by(given.made.talosconfig))
        assert clock.code == 3
        assert clock.message.startswith("clock skew: ")
        assert "which hold by this host's clock" in clock.message
        assert "the node's clock is outside of them" in clock.message


@pytest.mark.parametrize(
    ("fault", "short", "message"),
    [
        ("clock-off", r"the node's clock is \d+ days behind", "clock skew: the node's clock is wrong"),
        ("clock-off=-3h", r"the node's clock is 3 hours ahead", "the node's clock is at least 3 hours ahead"),
        ("hang", "takes the connection and says nothing", "and so does a node that hangs"),
    ],
    ids=["behind", "ahead", "hang"],
)
def test_troubles_from_the_start(home: Path, given: Given, fault: str, short: str, message: str) -> None:
    with hosted(given.made.config, faults=[fault]) as node:
        if fault != "hang":
            node.wait_for(RUNS)
        words = said(home, node.address, *by(given.made.talosconfig))
    assert words.code == 3
    assert re.fullmatch(short, words.short), words
    assert message in words.message


def test_maintenance_mode(home: Path, given: Given) -> None:
    with hosted() as node:
        node.wait_for(r"service\[apid\]\(Running\): Health check successful")
        admin = said(home, node.address, *by(given.made.talosconfig))
        assert admin.code == 1, "it answers, and is not what is expected"
        assert "is in maintenance mode" in admin.message
        assert "give it one" in admin.hint

        pinned = check(home, node.address, "--insecure", "--fingerprint", node.fingerprint)
        assert pinned.code == 0, pinned.err
        assert re.search(
            r"talos\.api +true +answers in maintenance mode +answers in maintenance mode +api", pinned.out
        )
        unpinned = check(home, node.address, "--insecure")
        assert unpinned.code == 0, "a person asked for that"
        assert "answers in maintenance mode; its identity is unverified" in unpinned.out

        stranger = said(home, node.address, "--insecure", "--fingerprint", "A" * 43 + "=")
        assert stranger.code == 3
        assert f"shows the key {node.fingerprint}, and not AAAA" in stranger.message


def test_those_who_are_not_talos(home: Path, given: Given) -> None:
    talosconfig = by(given.made.talosconfig)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Cluster().server().write(home, "stranger"))
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        strangers.stranger(strangers.silent, tls) as old,
        strangers.stranger(strangers.says(b"SSH-2.0-OpenSSH_9.2\r\n")) as shell,
        strangers.stranger(strangers.silent) as silent,
    ):
        words = [said(home, f"127.0.0.1:{port}", *talosconfig) for port in (old, shell, silent)]
    nobody = said(home, f"127.0.0.1:{silent}", *talosconfig)
    assert {each.code for each in (*words, nobody)} == {3}
    assert "speaks TLS 1.2 and not 1.3" in words[0].message
    assert "does not speak TLS, so it is not Talos's API: it says 'SSH-2.0-OpenSSH_9.2'" in words[1].message
    assert "takes the connection and then says nothing" in words[2].message
    assert "refuses the connection: nothing listens there, or not yet" in nobody.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["10.0.2.15"], "usage error: there is no talosconfig: neither $TALOSCONFIG nor ~/.talos/config names one"),
        (["10.0.2.15", "--talosconfig", "nowhere"], "nowhere: the talosconfig cannot be read: No such file"),
        (["10.0.2.15", "--insecure", "--stage", "runing"], "what is expected of Talos cannot be: stage"),
        (["bench/node1"], "usage error: there is no node bench/node1"),
        (
            ["not an address", "--insecure"],
            "usage error: 'not an address' is neither a node of an open bench nor an address",
        ),
    ],
)
def test_bad_input_asks_nobody(home: Path, arguments: list[str], message: str) -> None:
    done = check(home, *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
