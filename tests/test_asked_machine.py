"""The suite's own option --machine: guests become such machines, and what is said of guests alone is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.boards import MACHINES, Machine, are_guests, as_asked, boards_of, on_machines, shipped_rig
from support.rigs import PROBE_RIG

from hil.shipped import shipped

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
    import pytest
    from support.boards import as_asked, shipped_rig
    from support.rigs import PROBE_RIG

    @pytest.fixture(scope="module")
    def node():
        return as_asked(PROBE_RIG)["nodes"]["node1"]

    def test_is_what_was_asked_for(node):
        print(f"<{node['kind']} {'rpi' in node} {shipped_rig()}>")

    @pytest.mark.guest_only(reason="it has a monitor")
    def test_of_a_guest():
        pass
"""


@pytest.mark.parametrize(
    ("arguments", "booted", "skipped"),
    [
        ([], "<qemu False virt>", 0),
        (["--machine=board"], "<board False board-twin>", 1),
        (["--machine=cm4"], "<board True cm4-twin>", 1),
    ],
)
def test_the_machines_of_a_session(pytester: pytest.Pytester, arguments: list[str], booted: str, skipped: int) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers = guest_only(reason): of a guest")
    pytester.makepyfile(TESTS)
    done = pytester.runpytest("-rs", "-s", "-p", "no:cacheprovider", *arguments)
    done.assert_outcomes(passed=2 - skipped, skipped=skipped)
    assert booted in done.stdout.str()
    assert ("of guests only: it has a monitor" in done.stdout.str()) == bool(skipped)


@pytest.mark.parametrize("machine", MACHINES)
def test_other_machines_than_guests_stay_as_they_are(machine: Machine) -> None:
    of_boards = boards_of(PROBE_RIG)
    with on_machines(machine):
        assert as_asked(of_boards) == of_boards
        assert are_guests() == (as_asked(PROBE_RIG) == PROBE_RIG)
        assert (shipped("rigs") / f"{shipped_rig()}.yaml").is_file()
