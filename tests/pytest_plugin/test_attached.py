"""Tests of a node that runs already: what is shared, what is skipped and why."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def attached(monkeypatch):
    monkeypatch.setenv("STUB_ATTACHED", "1")


def happened(inner):
    return [event for event in inner.events() if event.split()[0] not in ("rig", "open", "closed")]


def test_it_is_attached_to_anew_for_each_module_and_after_a_failure(inner):
    text = "def test_a(node): node.ensure()\ndef test_b(node): node.ensure()\n"
    inner.pytester.makepyfile(test_1=text, test_2="def test_c(node): node.ensure(); assert False\n" + text)
    inner.run().assert_outcomes(passed=4, failed=1)
    assert happened(inner) == [
        "n1 boot 1 own",
        "n1 left",
        "n1 boot 2 own",
        "n1 left",
        "n1 boot 3 own",
    ]


def test_a_cold_test_switches_it(inner):
    inner.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.hil(cold=True)
        def test_a(node): node.ensure()
        """
    )
    inner.run().assert_outcomes(passed=1)
    assert happened(inner) == ["n1 off", "n1 boot 1 own"]


def test_what_it_lacks_skips_a_test_wherever_that_shows(inner, monkeypatch):
    monkeypatch.setenv("STUB_BARE", "1")
    inner.pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def switched(node): node.power.off()

        @pytest.mark.hil(needs=["netboot"])
        def test_netboot(node): pass

        @pytest.mark.hil(needs=["console"])
        def test_console(node): pass

        @pytest.mark.hil(needs=["meter"])
        def test_meter(node): pass

        @pytest.mark.hil(image="probe")
        def test_image(node): pass

        @pytest.mark.hil(cold=True)
        def test_cold(node): pass

        def test_in_a_fixture(switched): pass

        def test_in_the_test(node): node.power.off()

        def test_what_it_has(node): node.ensure()

        def test_lacks_it_midway(node): node.ensure(); node.power.off()

        def test_shares(node): node.ensure()
        """
    )
    result = inner.run("-rs")
    result.assert_outcomes(passed=2, skipped=8)
    for reason in (
        "node n1 has no netboot, which this test needs",
        "node n1 has no console, which this test needs",
        "node n1 has no meter, which this test needs",
        "node n1 runs already and boots its own image, not 'probe'",
        "what MissingPart says",
    ):
        result.stdout.fnmatch_lines([f"SKIPPED*{reason}"])
    assert happened(inner) == ["n1 boot 1 own"]
