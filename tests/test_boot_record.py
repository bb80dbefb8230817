"""What the record of a boot says of how it ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.boot import Boot, Verdict
from hil.clock import WallAnchor
from hil.errors import HilError, InfrastructureError, NodeError
from hil.timeline.packets.record import Read
from hil.timeline.timeline import Timeline

PANIC = NodeError("n1: the kernel panicked", hint="read it", evidence=["last line"])
BROKEN = InfrastructureError("n1: the relay is gone", hint="look for it")


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(1, "n1", "img", {"rig": "r"}, tmp_path, Timeline(0, WallAnchor.take()))


@pytest.mark.parametrize(
    ("error", "verdict", "told"),
    [
        (PANIC, "failed", PANIC.to_json()),
        (BROKEN, "broken", BROKEN.to_json()),
    ],
)
def test_its_end_is_on_record(boot: Boot, error: HilError, verdict: str, told: object) -> None:
    boot.fail(error)
    boot.leave()
    record = json.loads((boot.folder / "boot.json").read_text())
    assert (record["verdict"], record["error"]) == (verdict, told)


def test_one_that_nobody_waited_for_was_interrupted(boot: Boot) -> None:
    boot.write()
    boot.leave()
    assert json.loads((boot.folder / "boot.json").read_text())["verdict"] == "interrupted"


def test_a_second_ctrl_c_while_it_is_left_keeps_no_record_from_saying_so(
    boot: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot.write()
    with monkeypatch.context() as patched:
        # The last reading of its meter is waited for then, for a second and more.
        patched.setattr("hil.boot.write_boot", interrupt)
        with pytest.raises(KeyboardInterrupt):
            boot.leave()
    boot.leave()
    assert json.loads((boot.folder / "boot.json").read_text())["verdict"] == "interrupted"


def interrupt(*_: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_one_that_became_ready_stays_so(boot: Boot) -> None:
    boot.settle(Verdict.READY)
    boot.leave()
    assert json.loads((boot.folder / "boot.json").read_text())["verdict"] == "ready"


def test_a_first_failure_stays(boot: Boot) -> None:
    boot.fail(PANIC)
    boot.fail(BROKEN)
    boot.settle(Verdict.READY)
    assert (boot.verdict, boot.error) == (Verdict.FAILED, PANIC)


def test_packets_that_cannot_be_written_hinder_no_record(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.boot.read_into", lambda *_: Read({}, "", 1))
    (boot.folder / "packets.json").mkdir()
    boot.settle(Verdict.READY)
    record = json.loads((boot.folder / "boot.json").read_text())
    assert record["verdict"] == "ready"
    assert record["packets"]["read"] is False
    assert record["packets"]["note"].startswith(f"{boot.folder}/packets.json cannot be written: ")


def test_a_record_that_cannot_be_written_does_not_hide_the_error(boot: Boot) -> None:
    boot.folder = boot.folder / "gone"
    boot.leave()
    error = NodeError("n1: not ready", hint="wait")
    boot.fail(error)
    assert error.evidence == (f"{boot.folder}/boot.json cannot be written: No such file or directory",)


def test_without_a_record_it_has_no_page_and_says_so(boot: Boot) -> None:
    boot.folder = boot.folder / "gone"
    boot.fail(NodeError("n1: not ready", hint="wait"))  # of its own: it is told of the record that is not there
    assert boot.undrawn == f"{boot.folder} is no folder of a boot"


def test_its_page_is_beside_its_record(boot: Boot) -> None:
    boot.fail(PANIC)
    assert "n1: the kernel panicked" in boot.page.read_text("utf-8")
    boot.runs.append("t.py::a")
    boot.write()
    boot.leave()
    assert "t.py::a" in boot.page.read_text("utf-8")
    assert boot.undrawn == ""


def test_a_page_that_cannot_be_written_is_no_error(boot: Boot) -> None:
    boot.page.mkdir()
    (boot.page / "in the way").touch()
    boot.settle(Verdict.READY)
    assert boot.verdict is Verdict.READY
    assert boot.undrawn.startswith(f"{boot.page} cannot be written")
