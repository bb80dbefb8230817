"""The pytest plugin as its user meets it: a session of its own, on a machine that boots over the network."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from support.rigs import PROBE_RIG, write_rig, write_tree
from support.session import properties, session

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

USERS_TESTS = """
    import urllib.request

    import pytest

    def test_becomes_ready(node):
        assert node.ensure().verdict.value == "ready"

    def test_answers(node):
        host, port = node.address(8080)
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=30) as reply:
            assert reply.read() == b"ok\\n"

    def test_has_a_shell(node):
        node.console.send_line("echo six times seven is $((6 * 7))")
        node.console.expect("six times seven is 42", within=60)

    def test_shares_the_boot(node, timeline):
        stages = [mark.stage for mark in timeline]
        assert stages.index("power") < stages.index("ipxe") < stages.index("kernel") < stages.index("ready")
        assert len(node.boots) == 1

    @pytest.mark.hil(needs=["power", "nic"])
    def test_expects_too_much(node):
        assert node.ensure().image == "a better one"

    def test_boots_anew_after_a_failure(node):
        assert node.ensure().number == 2
"""


def test_tests_of_a_user_on_one_boot(tmp_path: Path, runtime: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    (tmp_path / "test_user.py").write_text(dedent(USERS_TESTS))
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml")
    assert status == 1, printed
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["test_expects_too_much"], (
        printed
    )
    assert [case for case in cases.values() if case.find("error") is not None] == [], printed
    for wanted in ("a better one", "last lines of the console", "hil-probe: ready", "timeline of boot 1"):
        assert wanted in printed
    boots = {name: properties(case)["hil_boot"] for name, case in cases.items()}
    assert boots.pop("test_boots_anew_after_a_failure") == "2"
    assert set(boots.values()) == {"1"}
    said = properties(cases["test_becomes_ready"])
    assert (said["hil_node"], said["hil_image"], said["hil_verdict"]) == ("node1", "probe", "ready")
    assert float(said["hil_seconds_to_ready"]) > 0
    assert (Path(said["hil_folder"]) / "console.log").stat().st_size > 0
    assert "test_user.py::test_shares_the_boot" in (Path(said["hil_folder"]) / "boot.json").read_text()
    assert not any(runtime.rglob("*.sock")), "the bench is closed"


def test_a_bad_image_is_a_failure_and_no_error(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", groups={"all": {"profile": "gone"}}, profiles={})
    node = {key: value for key, value in PROBE_RIG["nodes"]["node1"].items() if key != "image"}  # type: ignore[index]
    node["ready"] = {"console": "never"}
    write_rig(tmp_path, {"hil": 1, "matchbox": {"data": "tree"}, "nodes": {"node1": node}})
    (tmp_path / "test_user.py").write_text(
        dedent("""
            import pytest

            @pytest.fixture
            def booted(node):
                return node.boot()

            def test_in_a_fixture(booted):
                pass
            """)
    )
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml")
    assert status == 1, printed
    case = cases["test_in_a_fixture"]
    assert case.find("error") is None, printed
    failure = case.find("failure")
    assert failure is not None, printed
    assert "node error: node1" in (failure.text or "")
    assert "gone" in (failure.text or "")
    assert "return node.boot()" in (failure.text or ""), "the user's own line"
    assert "hil/node/" not in printed, "no line of hil's"
    assert properties(case)["hil_verdict"] == "failed"


DEATHS = """
    import os
    import signal
    from pathlib import Path

    def guest(bench):
        (found,) = [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdigit() and str(bench.keeper.directory).encode() in command_of(process)
            and b"qemu-system" in command_of(process).partition(b"\\0")[0]
        ]
        return found

    def command_of(process):
        try:
            return (process / "cmdline").read_bytes()
        except OSError:
            return b""

    def test_panics(node):
        node.console.send_line("echo c > /proc/sysrq-trigger")
        node.console.expect("never said", within=60)

    def test_boots_after_a_panic(node, bench):
        node.ensure()
        os.kill(guest(bench), signal.SIGKILL)
        node.wire.expect("never said", within=60)
"""


def test_a_panic_is_a_failure_and_an_emulator_that_dies_an_error(tmp_path: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    (tmp_path / "test_user.py").write_text(dedent(DEATHS))
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml")
    assert status == 1, printed
    panic = cases["test_panics"].find("failure")
    assert panic is not None, printed
    assert "the kernel panicked: sysrq triggered crash" in (panic.text or "")
    died = cases["test_boots_after_a_panic"].find("error")
    assert died is not None, printed
    assert "qemu ended by itself, killed by SIGKILL" in (died.text or "")
