"""`@pytest.mark.hil`: documented, and strict at collection."""

from __future__ import annotations

import keyword
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.pytest_plugin.markers import _KEYWORDS, _wrong


def test_it_is_documented(inner):
    inner.pytester.makepyfile("")
    inner.run("--markers").stdout.fnmatch_lines(["@pytest.mark.hil(image=NAME, cold=False, *"])


def test_it_is_registered_for_strict_markers(inner):
    inner.pytester.makepyfile("import pytest\n@pytest.mark.hil(cold=True)\ndef test_a(): pass")
    inner.run("--strict-markers").assert_outcomes(passed=1)


def test_a_wrong_marker_is_a_usage_error(inner):
    inner.pytester.makepyfile(
        test_x="""
        import pytest

        def test_a(node): pass

        @pytest.mark.hil(imgae='x')
        def test_b(node): pass
        """
    )
    result = inner.run()
    assert result.ret == 4
    complaint = "no keyword 'imgae'; did you mean 'image'?"
    result.stdout.fnmatch_lines([f"usage error: test_x.py:5: @pytest.mark.hil: {complaint}", "*pytest --markers*"])
    assert inner.events() == []


WRONG = {
    "imgae='x'": "no keyword 'imgae'; did you mean 'image'?",
    "zzzzzz=1": "no keyword 'zzzzzz'; its keywords: cold, image, needs, node",
    "cold=1": "cold must be True or False, not 1",
    "image=None": "image must be a name, not None",
    "node=''": "node must be a name, not ''",
    "needs='power'": """needs must be a list of parts, like ["power"], not 'power'""",
    "needs=['powr']": "no part 'powr'; did you mean 'power'?",
    "needs=[7]": "no part 7; parts: console, disks, doors, meter, netboot, nic, power, reset",
    "'candidate'": "takes keywords alone, not 'candidate'; its keywords: cold, image, needs, node",
}


def test_each_wrong_marker_is_told_with_its_line_and_what_is_wrong(inner):
    tests = "".join(f"@pytest.mark.hil({each})\ndef test_{n}(): pass\n" for n, each in enumerate(WRONG))
    inner.pytester.makepyfile(test_x=f"import pytest\n{tests}")
    result = inner.run()
    assert result.ret == 4
    told = re.findall(r"^(?:usage error: )?(test_x.py:.*)$", result.stdout.str(), re.MULTILINE)
    assert told == [f"test_x.py:{2 + 2 * n}: @pytest.mark.hil: {each}" for n, each in enumerate(WRONG.values())]


def test_all_wrong_markers_are_told_at_once_and_each_once(inner):
    inner.pytester.makepyfile(
        test_x="""
        import pytest

        pytestmark = pytest.mark.hil(colt=True)

        def test_a(): pass

        @pytest.mark.hil(image=3, node=4)
        def test_b(): pass

        class TestC:
            @pytest.mark.hil(needs=[None])
            def test_c(self): pass
        """
    )
    result = inner.run()
    assert result.ret == 4
    shown = [line.split("hil: ")[1] for line in result.outlines if "@pytest.mark.hil: " in line]
    for complaint in ("no keyword 'colt'", "image must be a name", "node must be a name", "no part None"):
        assert [complaint in line for line in shown].count(True) == 1, shown


@pytest.mark.boot
def test_a_wrong_marker_under_xdist(inner):
    inner.pytester.makepyfile(test_x="import pytest\n@pytest.mark.hil(colt=True)\ndef test_a(): pass")
    result = inner.run_workers("-n1")
    assert result.ret == 4
    result.stdout.fnmatch_lines(["usage error: test_x.py:2: @pytest.mark.hil: no keyword 'colt'*"])


NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=4)


@given(st.dictionaries(NAMES | st.sampled_from(_KEYWORDS), VALUES, max_size=4), st.lists(VALUES, max_size=2))
def test_whatever_is_written_is_accepted_or_complained_about(keywords, arguments):
    mark = pytest.mark.hil.with_args(*arguments, **keywords).mark
    complaints = list(_wrong(mark))
    right = (
        not arguments
        and set(keywords) <= set(_KEYWORDS)
        and isinstance(keywords.get("cold", True), bool)
        and all(isinstance(keywords.get(key, "x"), str) and keywords.get(key, "x") for key in ("image", "node"))
        and isinstance(keywords.get("needs", []), list)
        and not [name for name in keywords.get("needs", []) if name not in ("power", "reset", "nic", "doors")]
    )
    assert (complaints == []) == bool(right)
