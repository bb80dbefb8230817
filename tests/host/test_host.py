"""testinfra over a console, with this host's shell behind it; needs no machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.terminal import PROMPT, TerminalShell

from hil.console.console import Console
from hil.errors import MissingPart, NodeError, UsageError
from hil.host import open_host

testinfra = pytest.importorskip("testinfra")
from hil.host.modules import attributes, start_times  # noqa: E402  (needs testinfra)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    wire = TerminalShell(["sh", "-i"], tmp_path)
    console = Console(wire, name="n1")
    # An interrupt while the shell starts would end it.
    console.expect(r"machine\$ ", within=20)
    yield console
    wire.end()


def test_a_command_as_testinfra_gives_its_result(console: Console, tmp_path: Path) -> None:
    # testinfra would ask a Python of the machine for its encoding, and take this one's word for it.
    (tmp_path / "python3").write_text("#!/bin/sh\necho latin-1\n")
    (tmp_path / "python3").chmod(0o755)
    host = open_host(console, PROMPT, image="img")
    done = host.run("printf %s; printf 'caf\\303\\251\\n'; printf '\\377' >&2; exit 3", "a 'b' $c")
    assert (done.rc, done.failed) == (3, True)
    assert done.stdout == "a 'b' $ccafé\n"
    assert done.stderr_bytes == b"\xff"
    assert host.check_output("echo it") == "it"
    assert host.run_test("false").rc == 1
    with pytest.raises(AssertionError, match="Unexpected exit code 9"):
        host.check_output("exit 9")


def test_testinfras_modules(console: Console, tmp_path: Path) -> None:
    (tmp_path / "it's").write_bytes(b"caf\xc3\xa9 \x00\xff")
    host = open_host(console, PROMPT, image="img")
    file = host.file(str(tmp_path / "it's"))
    assert (file.exists, file.is_directory, file.size) == (True, False, 8)
    assert file.content == b"caf\xc3\xa9 \x00\xff"
    assert not host.file("/nonexistent").exists
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one two").touch()
    assert host.file(str(tmp_path / "folder")).listdir() == ["one two"]
    assert host.system_info.type == "linux"
    assert host.exists("sh")
    assert host.mount_point("/proc").filesystem == "proc"
    assert "<testinfra.host.Host hil://n1>" in repr(host)


def test_processes(console: Console) -> None:
    host = open_host(console, PROMPT, image="img")
    with subprocess.Popen(["sleep", "61.25"]) as sleeper:
        try:
            found = host.process.get(args="sleep 61.25")
            assert (found.pid, found.comm, found.ppid) == (sleeper.pid, "sleep", os.getpid())
            assert [other.pid for other in host.process.filter(ppid=os.getpid(), comm="sleep")] == [sleeper.pid]
        finally:
            sleeper.kill()
    with pytest.raises(RuntimeError, match="does not not exist anymore"):
        _ = found.pgid


@given(stats=st.text(max_size=200))
def test_the_start_times_in_anything_are_of_processes(stats: str) -> None:
    assert all(isinstance(pid, int) for pid in start_times(stats))


@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=15))
def test_a_process_may_be_called_anything(name: str) -> None:
    stat = "{} ({}) S 1 1 1 34816 7 4194304 93 0 0 0 0 0 0 -20 20 0 1 0 {} 2428928 237 18446744073709551615 1\n"
    both = stat.format(7, name, 1234) + stat.format(8, "sh", 1240)
    assert start_times(both) == {7: 1234, 8: 1240}


@given(line=st.text(max_size=80))
def test_any_line_of_ps_has_all_its_columns(line: str) -> None:
    assert list(attributes(["pid", "comm", "args"], line)) == ["pid", "comm", "args"]


def test_a_command_may_be_given_its_own_time(console: Console) -> None:
    host = open_host(console, PROMPT, image="img")
    with pytest.raises(NodeError, match=r"did not end within 2 s"):
        host.run("sleep 60", within=2)
    assert host.run("true", within=30).succeeded


def test_it_is_registered_by_its_name(console: Console) -> None:
    kept = open_host(console, PROMPT, image="img")
    assert testinfra.get_host("hil://n1").check_output("echo by name") == "by name"
    with pytest.raises(UsageError, match="asked for hil://n2, but no machine"):
        testinfra.get_host("hil://n2").run("true")
    del kept


def test_sudo_is_testinfras_own(console: Console, tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\necho "by sudo $*"\n')
    sudo.chmod(0o755)
    kept = open_host(console, PROMPT, image="img")
    assert testinfra.get_host("hil://n1", sudo=True).check_output("id") == "by sudo /bin/sh -c id"
    assert testinfra.get_host("hil://n1?sudo=true&sudo_user=me").check_output("id") == "by sudo -u me /bin/sh -c id"
    del kept


def test_an_image_without_a_shell_has_none(console: Console) -> None:
    with pytest.raises(MissingPart, match="n1 has no `host`: image 'talos' is not known to have a shell"):
        open_host(console, None, image="talos")


def test_without_testinfra_it_is_said_how_to_get_it(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "testinfra"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "hil.host.backend", raising=False)

    class Hidden:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "testinfra":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
    with pytest.raises(MissingPart, match="pytest-testinfra is not installed") as caught:
        open_host(console, PROMPT, image="img")
    assert "pip install 'hil[testinfra]'" in caught.value.hint


def test_its_pytest_plugin_is_not_needed() -> None:
    code = "import sys, hil.host.backend; print([m for m in sys.modules if m in ('testinfra.plugin', 'pytest')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
