"""No secret is in what pytest reports: terminal, JUnit; of tests and of modules that cannot be collected."""

from __future__ import annotations

import pytest

SECRET = "zq7-open-sesame-7qz"
BODY = f"""
    from hil.redaction import HIDDEN

    HIDDEN.add([{SECRET[:9]!r} + {SECRET[9:]!r}])
    secret = {SECRET[:9]!r} + {SECRET[9:]!r}

    def helper(word):
        raise ValueError("no " + word)

    def test_error(record_property, recwarn):
        record_property("what", secret)
        record_property("count", 7)
        print("printed", secret)
        helper(secret)

    def test_chain():
        try:
            helper(secret)
        except ValueError as error:
            assert secret == "other", "again " + secret

    def test_skip():
        import pytest
        pytest.skip(secret)
"""


@pytest.mark.parametrize("style", ["auto", "long", "short", "line", "native"])
def test_a_failure_shows_no_secret(inner, style) -> None:
    inner.pytester.makepyfile(BODY)
    result = inner.run("--showlocals", "-rA", f"--tb={style}")
    result.assert_outcomes(failed=2, skipped=1)
    junit = (inner.pytester.path / "out.xml").read_text()
    assert SECRET not in result.stdout.str() + result.stderr.str() + junit
    assert "printed [redacted]" in result.stdout.str()
    assert "no [redacted]" in junit
    assert '<property name="what" value="[redacted]" />' in junit
    assert '<property name="count" value="7" />' in junit


def test_a_module_that_cannot_be_collected_shows_none(inner) -> None:
    inner.pytester.makepyfile(
        f"""
        from hil.redaction import HIDDEN
        secret = {SECRET[:9]!r} + {SECRET[9:]!r}
        HIDDEN.add([secret])
        raise ValueError(secret)
        """
    )
    result = inner.run()
    assert SECRET not in result.stdout.str()
    assert "ValueError: [redacted]" in result.stdout.str()


def test_a_session_without_hil_does_not_import_it(inner) -> None:
    inner.pytester.makepyfile("import sys\ndef test_it():\n    assert 'hil.redaction' not in sys.modules\n")
    result = inner.pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
