"""Who is blamed, for each kind of error in each phase, with and without xdist: terminal, JUnit and exit status."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import errors
from hil.pytest_plugin.verdicts import decisive

pytestmark = pytest.mark.boot

PHASES = ("setup", "call", "teardown")
FAILED = ({"failed": 1}, {"failed": 1}, {"passed": 1, "failed": 1})
ERROR = ({"errors": 1}, {"errors": 1}, {"passed": 1, "errors": 1})
SKIPPED = ({"skipped": 1}, {"skipped": 1}, {"passed": 1, "skipped": 1})
PYTEST = ({"errors": 1}, {"failed": 1}, {"passed": 1, "errors": 1})
# kind: outcomes by phase, JUnit element by phase, exit status
TABLE = {
    "NodeError": (FAILED, ("failure",) * 3, 1),
    "InfrastructureError": (ERROR, ("error",) * 3, 1),
    "MissingPart": (SKIPPED, ("skipped",) * 3, 0),
    "ConfigError": (ERROR, ("error",) * 3, 4),
    "UsageError": (ERROR, ("error",) * 3, 4),
    "HilBug": (ERROR, ("error",) * 3, 1),
    "AssertionError": (PYTEST, ("error", "failure", "error"), 1),
}
GOES_ON = [kind for kind, (_, _, status) in TABLE.items() if status != 4]
ENDS_THE_SESSION = [kind for kind in TABLE if kind not in GOES_ON]
BODY = """
    import pytest
    from stub_bench import throw

    @pytest.fixture
    def around(node):
        if {phase!r} == "setup":
            throw({kind!r})
        yield
        if {phase!r} == "teardown":
            throw({kind!r})

    def test_{kind}_{phase}(node, around):
        node.ensure()
        if {phase!r} == "call":
            throw({kind!r})
"""


def name(kind, phase):
    return f"test_{kind}_{phase}"


def elements(case):
    return [child.tag for child in case if child.tag in ("failure", "error", "skipped")]


@pytest.mark.parametrize("kind", GOES_ON)
def test_plain(inner, kind):
    outcomes, junit, status = TABLE[kind]
    for phase in PHASES:
        inner.pytester.makepyfile(**{name(kind, phase): BODY.format(kind=kind, phase=phase)})
    result = inner.run("-rs")
    result.assert_outcomes(**sum(map(Counter, outcomes), Counter()))
    assert result.ret == status
    assert {case.get("name"): elements(case) for case in inner.cases()} == {
        name(kind, phase): [element] for phase, element in zip(PHASES, junit, strict=True)
    }
    assert inner.events()[-1] == "closed"
    if kind != "AssertionError":
        shown = result.stdout.str()
        assert f"what {kind} says" in shown
        assert ("a_file_of_hil.py" in shown) == (kind == "HilBug"), "frames of hil are for a bug in hil alone"
        assert ("a cause inside hil" in shown) == (kind == "HilBug")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", ENDS_THE_SESSION)
def test_plain_usage(inner, kind, phase):
    outcomes, junit, status = TABLE[kind]
    number = PHASES.index(phase)
    inner.pytester.makepyfile(BODY.format(kind=kind, phase=phase) + "\n    def test_later(): pass")
    result = inner.run()
    result.assert_outcomes(**outcomes[number])
    assert result.ret == status
    assert [elements(case) for case in inner.cases()] == [[junit[number]]]
    assert inner.events()[-1] == "closed"
    assert "a_file_of_hil.py" not in result.stdout.str()


def test_xdist(inner):
    """All that do not end the session, in one run: the same verdicts, told by the controller."""
    names = {}
    for kind in GOES_ON:
        for phase, element in zip(PHASES, TABLE[kind][1], strict=True):
            inner.pytester.makepyfile(**{name(kind, phase): BODY.format(kind=kind, phase=phase)})
            names[name(kind, phase)] = element
    result = inner.run_workers("-n1")
    assert {case.get("name"): elements(case) for case in inner.cases()} == {
        test: [element] for test, element in names.items()
    }
    # One of each phase for each kind; what fails in a teardown has passed before.
    result.assert_outcomes(failed=4, errors=8, skipped=3, passed=5)
    assert result.ret == 1


@pytest.mark.parametrize(
    ("kind", "phase"), [("ConfigError", "setup"), ("UsageError", "call"), ("UsageError", "teardown")]
)
def test_xdist_usage(inner, kind, phase):
    inner.pytester.makepyfile(BODY.format(kind=kind, phase=phase))
    result = inner.run_workers("-n1")
    result.assert_outcomes(**TABLE[kind][0][PHASES.index(phase)])
    assert result.ret == 4
    assert [elements(case) for case in inner.cases()] == [["error"]]


def test_a_usage_error_ends_the_session_and_shows_no_traceback(inner):
    inner.pytester.makepyfile("def test_a(node): pass\ndef test_b(): pass")
    result = inner.run("--rig=wrong.yaml")
    assert result.ret == 4
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["rig.yaml:3:5: unknown key 'imag'", "*did you mean 'image'?"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*fixtures.py*")
    result.stdout.fnmatch_lines(["*Interrupted: configuration error*"])


def test_a_bench_error_is_not_an_expected_failure(inner):
    inner.pytester.makepyfile("""
        import pytest
        from hil.errors import InfrastructureError
        from stub_bench import throw

        @pytest.mark.xfail(reason="a bad image")
        def test_bench(node):
            throw("InfrastructureError")

        @pytest.mark.xfail(reason="a bad image")
        def test_node(node):
            throw("NodeError")

        @pytest.mark.xfail(raises=InfrastructureError)
        def test_named(node):
            throw("InfrastructureError")
        """)
    result = inner.run()
    result.assert_outcomes(errors=1, xfailed=2)
    assert result.ret == 1


def test_a_failure_that_is_the_benchs_doing_is_an_error(inner):
    inner.pytester.makepyfile("""
        from stub_bench import throw

        def test_a(node):
            node.ensure()
            node.news = "InfrastructureError"
            assert "answer" == "no answer"

        def test_b(node):
            node.news = ""
            node.ensure()
            node.news = "NodeError"
            assert "answer" == "no answer"

        def test_c(node):
            node.news = ""
            node.ensure()
            node.news = "InfrastructureError"
            throw("NodeError")

        def test_d(node):
            node.news = ""
            node.ensure()
            node.news = "NodeError"
            throw("NodeError")
        """)
    result = inner.run()
    result.assert_outcomes(errors=2, failed=2)
    result.stdout.fnmatch_lines(
        ["*ERROR at * test_a*", "*no answer*", "*hil: whose fault*", "*hil: meanwhile*", "bench error: *"]
    )
    result.stdout.fnmatch_lines(["*_ test_b _*", "*no answer*", "*hil: meanwhile*", "node error: *"])
    assert result.stdout.str().count("hil: meanwhile") == 3, "what the test itself says is not said again"


def test_full_trace_shows_what_is_inside(inner):
    inner.pytester.makepyfile("from stub_bench import throw\ndef test_a(node): throw('NodeError')")
    inner.run("--full-trace").stdout.fnmatch_lines(["*a cause inside hil*"])


@pytest.mark.parametrize("style", ["short", "native", "no"])
def test_traceback_styles(inner, style):
    inner.pytester.makepyfile("from stub_bench import throw\ndef test_a(node): throw('NodeError')")
    result = inner.run(f"--tb={style}")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_tests_without_hil_are_left_alone(inner):
    inner.pytester.makepyfile("""
        import unittest

        def test_a():
            raise ValueError("a") from KeyError("b")

        class TestB(unittest.TestCase):
            def test_b(self):
                self.skipTest("why")
        """)
    result = inner.run()
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.no_fnmatch_line("*hil:*")
    assert inner.events() == []


KINDS = (errors.NodeError, errors.InfrastructureError, errors.MissingPart, errors.UsageError, errors.HilBug)
LEAVES = st.sampled_from(KINDS).map(lambda kind: kind("m", hint="h")) | st.builds(AssertionError)


@given(
    st.recursive(LEAVES, lambda inside: st.lists(inside, min_size=1, max_size=3).map(lambda e: ExceptionGroup("g", e)))
)
def test_the_gravest_of_a_group_decides(error):
    def leaves(exception):
        return (
            [leaf for each in exception.exceptions for leaf in leaves(each)]
            if isinstance(exception, ExceptionGroup)
            else [exception]
        )

    kinds = {type(leaf) for leaf in leaves(error)}
    for kind in (errors.HilBug, errors.InfrastructureError, errors.UsageError, errors.NodeError):
        if kind in kinds:
            assert type(decisive(error)) is kind
            return
    assert (decisive(error) is not None) == (kinds == {errors.MissingPart})


def chained(error, cause):
    error.__cause__ = cause
    return error


def test_an_explicit_cause_counts_and_a_context_does_not():
    broken = errors.InfrastructureError("m", hint="h")
    assert decisive(chained(AssertionError(), broken)) is broken
    left_behind = AssertionError()
    left_behind.__context__ = broken
    assert decisive(left_behind) is None


def test_the_cause_of_an_error_of_hil_does_not_change_its_kind():
    error = chained(errors.NodeError("m", hint="h"), errors.InfrastructureError("m", hint="h"))
    assert decisive(error) is error


def test_a_failure_is_not_skipped_for_what_caused_it():
    assert decisive(chained(AssertionError(), errors.MissingPart("m", hint="h"))) is None
