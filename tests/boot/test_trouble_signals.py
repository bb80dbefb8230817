"""`hil boot` is ended in each of eight stages, in each of five ways: nothing that it started is left."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from support import halting
from support.leftovers import Snapshot, difference, snapshot
from support.rigs import HIL, PROBE_RIG, Hil, write_rig

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.runtime import live_benches

pytestmark = pytest.mark.boot

LONG = 240.0
GONE = 20.0
KEPT = 2.0
MARKER = "HIL_TEST_RUN"
# Where hil waits for the machine it is signalled as it goes; the others are over too soon, so it stands there.
GOES_ON = ("power", "firmware", "ipxe", "kernel")
WAYS = ("SIGKILL", "SIGTERM", "Ctrl-C", "Ctrl-C twice", "exception")
CODES = {"SIGKILL": -9, "SIGTERM": 143, "Ctrl-C": 130, "Ctrl-C twice": 130, "exception": 70}
# Only SIGKILL leaves no time to say what came of a boot; what nobody expected is a bug of hil, and no interruption.
VERDICTS = dict.fromkeys(WAYS, "interrupted") | {"SIGKILL": "running", "exception": "broken"}


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Iterator[Snapshot]:
    """What there is before `hil` starts, and a mark for all that it starts."""
    with tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        run = f"{MARKER}={uuid.uuid4()}"
        monkeypatch.setenv(*run.split("="))
        (Path(folder) / "hil").mkdir(mode=0o700)
        yield snapshot(run, [Path(folder)])


@contextmanager
def reached(folder: Path, stage: str, how: str) -> Iterator[Hil]:
    """A `hil boot` that has reached a stage."""
    write_rig(folder, PROBE_RIG)
    program = [sys.executable, halting.__file__, stage, how]
    with Hil(["boot", "rig.yaml", "--within", "3600"], folder, program=program) as hil:
        hil.wait_for(rf"^reached {stage}$", within=LONG)
        yield hil


def end(hil: Hil, way: str) -> None:
    """End it; an exception was planted."""
    if way == "SIGKILL":
        hil.signal(signal.SIGKILL)
    elif way == "SIGTERM":
        hil.signal(signal.SIGTERM)
    elif way != "exception":
        hil.signal(signal.SIGINT)
    if way == "Ctrl-C twice":
        hil.wait_for(r"^ending$", within=LONG)
        hil.signal(signal.SIGINT)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stage", halting.STAGES)
def test_nothing_is_left(tmp_path: Path, before: Snapshot, stage: str, way: str) -> None:
    how = "raise" if way == "exception" else "go" if stage in GOES_ON else "stand"
    with reached(tmp_path, stage, how) as hil:
        end(hil, way)
        assert hil.finish(within=LONG) == CODES[way], hil.stderr
        assert difference(before, within=Deadline.after(GONE)) == []
        if way != "exception":
            assert "Traceback" not in hil.stderr
        else:
            assert hil.stderr.count("Traceback") == 1
            assert f"planted at {stage}" in hil.stderr
    # What was begun is on record, as far as it came.
    if stage in (*GOES_ON, "ready"):
        [record] = tmp_path.glob("hil-artifacts/*/node1-boot1/boot.json")
        assert json.loads(record.read_text())["verdict"] == VERDICTS[way]


def _heed_sigint() -> None:
    # A shell starts what it puts into the background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_at_a_terminal(tmp_path: Path, before: Snapshot) -> None:
    """The terminal sends SIGINT to its whole foreground group; only hil is in it, so only hil is interrupted."""
    rig = write_rig(tmp_path, PROBE_RIG)
    command = [*HIL[1:], "boot", str(rig)]
    with pexpect.spawn(
        HIL[0], command, cwd=tmp_path, timeout=LONG, encoding="utf-8", preexec_fn=_heed_sigint
    ) as terminal:
        terminal.logfile_read = shown = io.StringIO()
        terminal.expect(r"waiting for \w+: ")
        terminal.sendintr()
        terminal.expect("interrupted; everything that was started is ended")
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == 130
    # DECTCEM: the cursor, hidden while the progress is redrawn, is shown again.
    assert shown.getvalue().rfind("\x1b[?25h") > shown.getvalue().rfind("\x1b[?25l") >= 0
    assert difference(before, within=Deadline.after(GONE)) == []


def test_the_check_fails_when_the_bench_is_kept(tmp_path: Path, before: Snapshot) -> None:
    """Taken out: the end of the client no longer ends its bench, so the same look around must find it."""
    with reached(tmp_path, "matchbox", "keep") as hil:
        hil.signal(signal.SIGKILL)
        hil.finish(within=LONG)
        left = difference(before, within=Deadline.after(KEPT))
        assert any(re.match(r"\+ process \d+ \S*matchbox ", line) for line in left), left
        for what in ("namespace", "TCP socket 127.0.0.1:", "listening unix socket", "locked file", "file"):
            assert any(line.startswith(f"+ {what}") for line in left), (what, left)
        [bench] = live_benches()
        Keeper.connect(bench.directory, deadline=Deadline.after(LONG)).end()
        assert difference(before, within=Deadline.after(GONE)) == []
