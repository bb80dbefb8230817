"""`node.talos` in a user's own tests, run by pytest as they run it: what passes, and what fails with its table."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from support.rigs import write_rig
from support.session import properties, session

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

RIG = {
    "hil": 1,
    "images": {
        "simnode": {"kind": "simnode", "control": True},
        "lost": {"kind": "simnode", "fault": ["config-404"]},
    },
    "nodes": {
        "node1": {"kind": "qemu", "image": "simnode", "memory": "512MiB", "boot_within": "600s", "ports": [8081]}
    },
}

USERS_TESTS = """
    import http.client

    import pytest

    def ask(node, port, method, path):
        connection = http.client.HTTPConnection(*node.address(port), timeout=120)
        connection.request(method, path)
        return connection.getresponse().read()

    def test_becomes_a_node(node):
        assert node.talos.ready(within=600)

    def test_stays_one(node):
        found = node.talos.ready(within=600, stable_for=1.5, version="v1.13.9")
        assert found
        assert {condition.source for condition in found} == {"api"}

    def test_says_what_it_does(node):
        dmesg = node.talos.dmesg()
        assert b"Booting Linux on physical CPU" in dmesg
        assert b"[talos] machine is running and ready" in dmesg
        assert b"hello hil: listening on" in node.talos.logs("ext-hello", tail=5)
        assert {"SequenceEvent", "TaskEvent", "ServiceStateEvent"} <= {event.kind for event in node.talos.events()}
        assert ask(node, 8081, "GET", "/") == b"hello hil\\n"

    def test_comes_back_as_another_boot(node):
        before = node.asking.sides.talos.boot_id
        after = node.talos.reboot(within=600)
        assert after != before
        assert node.asking.sides.talos.boot_id == after
        assert node.talos.ready(within=600)
        assert "a reboot was asked for by Talos's API" in [mark.evidence for mark in node.timeline]
        assert len(node.boots) == 1
        ask(node, 50999, "PUT", "/faults/extension-waiting")
        assert node.talos.ready(within=5)

    @pytest.mark.hil(image="lost")
    def test_is_lost(node):
        assert node.talos.ready(within=600)
"""


def test_a_users_tests_of_a_talos_node(tmp_path: Path) -> None:
    write_rig(tmp_path, RIG)
    (tmp_path / "test_user.py").write_text(dedent(USERS_TESTS))
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml")
    assert status == 1, printed
    assert [name for name, case in cases.items() if case.find("error") is not None] == [], printed
    failed = {name: case.find("failure") for name, case in cases.items()}
    assert [name for name, failure in failed.items() if failure is not None] == [
        "test_comes_back_as_another_boot",
        "test_is_lost",
    ], printed

    waits = failed["test_comes_back_as_another_boot"]
    assert waits is not None
    assert "talos.service.ext-hello  FALSE  running" in (waits.text or "")
    assert "node1 (simulated Talos node): not ready: 1 of 8 conditions do not hold" in (waits.text or "")
    lost = failed["test_is_lost"]
    assert lost is not None
    assert re.search(r"stopped: .*the machine configuration cannot be had: ", lost.text or "")
    assert re.search(r"talos\.stage +unknown +running +the machine configuration cannot be had", lost.text or "")
    for failure in (waits, lost):
        assert "assert node.talos.ready(" in (failure.text or ""), "the user's own line"
        assert "hil/node/" not in (failure.text or ""), "no line of hil's"
    assert "talos.service.ext-hello  FALSE" in printed

    said = properties(cases["test_becomes_a_node"])
    assert (said["hil_image"], said["hil_verdict"]) == ("simnode", "ready")
    # Of a board on the twin its bench is named before it.
    assert said["hil_simulated"].split("; ")[-1] == "simulated Talos node"
    assert properties(cases["test_is_lost"])["hil_verdict"] == "failed"
