"""Side by side: virtual rigs are opened any number of times at once, and a thing of the real world has one holder."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from support.held_kind import installed_in, locks_in
from support.leftovers import Snapshot, difference, snapshot
from support.rigs import PROBE_RIG, run_hil, write_rig, write_tree
from support.session import session

import hil
from hil import taking
from hil.bench import open_bench
from hil.clock import Deadline
from hil.config.rig import load_rig

pytestmark = pytest.mark.boot

# What the first worker does when it has the bench: it waits for the other one, then acts as $ACT says.
USERS_TESTS = """
    import os
    import re
    import signal
    import time
    from pathlib import Path

    import pytest

    LOCKS = Path(os.environ["HIL_TEST_LOCKS"]) / "hil"

    def somebody_waits():
        (inode,) = (path.stat().st_ino for path in LOCKS.iterdir())
        return re.search(rf"-> FLOCK .*:{inode} ", Path("/proc/locks").read_text()) is not None

    def use(bench):
        Path(f"{os.getpid()}.had").write_text(bench.name)
        other_was_here = len(list(Path().glob("*.had"))) > 1
        end = time.monotonic() + 60
        while not other_was_here and time.monotonic() < end:
            if Path("refused").exists() if os.environ["ACT"] == "refuse" else somebody_waits():
                break
            time.sleep(0.02)
        if os.environ["ACT"] == "die" and not other_was_here:
            os.kill(os.getpid(), signal.SIGKILL)
        assert time.monotonic() < end

    def test_one(bench):
        use(bench)

    def test_two(bench):
        use(bench)
"""
CONFTEST = """
    from pathlib import Path

    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        if call.when == "setup" and call.excinfo is not None:
            Path("refused").touch()
        return (yield)
"""


@pytest.fixture
def desk(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The terminal that the one node of ./desk.yaml takes, a machine in memory."""
    locks, kinds = locks_in(tmp_path / "locks"), installed_in(tmp_path / "kinds")
    monkeypatch.setattr(taking, "_RUN_LOCK", locks)
    monkeypatch.setenv("HIL_TEST_LOCKS", str(locks))
    monkeypatch.syspath_prepend(str(kinds))
    root = Path(hil.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (kinds, root, root / "tests"))))
    write_tree(tmp_path / "tree", groups={}, profiles={})
    (tmp_path / "conftest.py").write_text(dedent(CONFTEST))
    (tmp_path / "test_user.py").write_text(dedent(USERS_TESTS))
    ours, theirs = os.openpty()
    line = os.ttyname(theirs)
    (tmp_path / "by-id").symlink_to(line)
    node = {"kind": "held", "ready": {"console": "x"}, "tty": "by-id"}
    write_rig(tmp_path, {"hil": 1, "matchbox": {"data": "tree"}, "nodes": {"one": node}}, "desk.yaml")
    yield line
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def before(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """What there was before the test; whatever it starts carries a marker."""
    marker = uuid.uuid4().hex
    monkeypatch.setenv("HIL_TEST_MARKER", marker)
    (runtime / "hil").mkdir(mode=0o700)
    return snapshot(marker, [runtime])


def test_an_open_bench_holds_its_line(before: Snapshot, desk: str, tmp_path: Path) -> None:
    rig = load_rig("./desk.yaml", cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "artifacts") as bench:
        assert taking.held_things(bench.keeper.locks()) == [desk]
        assert run_hil("bench", "ls", cwd=tmp_path).out == f"{bench.name}  {desk}\n"
        write_rig(tmp_path, json.loads((tmp_path / "desk.yaml").read_text()), "other.yaml")
        refused = run_hil("boot", "./other.yaml", "--wait=0.1s", cwd=tmp_path)
        assert refused.code == 3
        said = (
            rf"bench error: {desk} \(other\.yaml:\d+, node one\) is held by process {bench.keeper.pid} of user \S+ "
            rf"\(bench {bench.name} of rig {tmp_path}/desk\.yaml, since [-0-9]+ [:0-9]+\); waited 0\.1 s\n"
        )
        assert re.search(said, refused.err), refused.err
        assert f"waiting for {desk} (other.yaml" in refused.err
        assert not (tmp_path / "hil-artifacts").exists()
    assert difference(before, within=Deadline.after(5)) == []


def test_two_workers_one_line_without_a_wait(
    before: Snapshot, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACT", "refuse")
    status, printed, cases = session(tmp_path, "--rig=./desk.yaml", "-n2")
    assert status == 1, printed
    (refused,) = (case for case in cases.values() if case.find("error") is not None)
    assert re.search(r"1 passed, 1 error in ", printed)
    (had,) = tmp_path.glob("*.had")
    said = str(refused.find("error").get("message"))  # type: ignore[union-attr]
    assert f"{desk} (desk.yaml:" in said
    assert f"(bench {had.read_text()} of rig {tmp_path}/desk.yaml, since " in printed
    assert difference(before, within=Deadline.after(5)) == []


@pytest.mark.parametrize(("act", "outcome"), [("end", "2 passed in "), ("die", "1 failed, 1 passed in ")])
def test_two_workers_one_line_with_a_wait(
    before: Snapshot, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, outcome: str
) -> None:
    monkeypatch.setenv("ACT", act)
    status, printed, _ = session(tmp_path, "--rig=./desk.yaml", "-n2", "--hil-wait=60s")
    assert status == (0 if act == "end" else 1), printed
    assert outcome in printed, printed
    assert len({path.read_text() for path in tmp_path.glob("*.had")}) == 2
    assert difference(before, within=Deadline.after(5)) == []


def test_a_kept_bench_keeps_its_line(
    before: Snapshot, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACT", "refuse")
    (tmp_path / "refused").touch()
    status, printed, _ = session(tmp_path, "--rig=./desk.yaml", "--hil-keep", "-k", "one")
    assert status == 0, printed
    name, line = run_hil("bench", "ls", cwd=tmp_path).out.split()
    try:
        assert line == desk
        status, printed, _ = session(tmp_path, "--rig=./desk.yaml", "-k", "two")
        assert status == 1, printed
        assert f"(bench {name} of rig " in printed
    finally:
        assert run_hil("bench", "end", name, cwd=tmp_path).code == 0
    status, printed, _ = session(tmp_path, "--rig=./desk.yaml", "-k", "two")
    assert status == 0, printed
    assert difference(before, within=Deadline.after(5)) == []


BOTH_BOOT = """
    def test_one(node):
        assert node.ensure().verdict.value == "ready"

    def test_two(node):
        assert node.ensure().verdict.value == "ready"
"""


def test_two_workers_boot_one_virtual_rig_at_once(before: Snapshot, tmp_path: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    (tmp_path / "test_user.py").write_text(dedent(BOTH_BOOT))
    status, printed, _ = session(tmp_path, "--rig=./rig.yaml", "-n2")
    assert status == 0, printed
    folders = [path.parent for path in (tmp_path / "hil-artifacts").glob("*/*/boot.json")]
    assert len({folder.parent for folder in folders}) == len(folders) == 2
    starts = [json.loads((folder / "timeline.json").read_text())["power_on_wall"] for folder in folders]
    lasted = [json.loads((folder / "boot.json").read_text())["seconds_to_ready"] for folder in folders]
    # Each was switched on before the other was ready.
    assert starts[0] < starts[1] + lasted[1]
    assert starts[1] < starts[0] + lasted[0]
    assert difference(before, within=Deadline.after(5)) == []
