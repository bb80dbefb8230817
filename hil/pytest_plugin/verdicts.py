"""Who is blamed for a failure: a NodeError is FAILED and a bench error ERROR, wherever in a test they are raised.

pytest itself goes by the place: what a fixture raises is ERROR, what a test raises FAILED. So a bad image that a
fixture meets would look like a broken bench, and a relay that breaks during a test like a bad image.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator

import pytest

from hil.errors import ConfigError, HilBug, HilError, InfrastructureError, MissingPart, NodeError, UsageError
from hil.pytest_plugin import report as shown
from hil.pytest_plugin.sharing import IN_USE, news_of

# Of several errors the first of these decides: when the bench is broken, nothing else is to be believed.
_WEIGHT: tuple[type[HilError], ...] = (HilBug, InfrastructureError, ConfigError, UsageError, NodeError)
_BENCH = (HilBug, InfrastructureError)
_USAGE = (ConfigError, UsageError)


def decisive(error: BaseException) -> HilError | None:
    """The error that decides what is said of a test: itself, a member of its group, or what it was raised from.

    Only an explicit cause counts (`raise ... from`): what was caught and left behind was dealt with. A MissingPart
    decides only where there is nothing else, so that it never hides a failure.
    """
    found = list(_all(error))
    for kind in _WEIGHT:
        for each in found:
            if isinstance(each, kind):
                return each
    first = found[0]
    return first if isinstance(first, MissingPart) and all(isinstance(each, MissingPart) for each in found) else None


def _all(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _all(member)
        return
    yield error
    # The kind of a HilError was decided where the fault was seen; its causes do not change that.
    if not isinstance(error, HilError) and error.__cause__ is not None:
        yield from _all(error.__cause__)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Set phase and outcome by whose fault it is, and show what is known of the boots."""
    raised = call.excinfo
    error = None if raised is None else decisive(raised.value)
    if isinstance(error, MissingPart):
        return (yield from _skipped(item, call, error))
    if raised is not None and not isinstance(raised.value, pytest.skip.Exception) and IN_USE in item.stash:
        item.stash[IN_USE].spoil()
    shown.set_properties(item)
    report = yield
    if report.failed or (error is not None and not _is_expected(item)):
        _judge(item, call, report, error)
    return report


def _skipped(
    item: pytest.Item, call: pytest.CallInfo[None], error: MissingPart
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """As if the test had called `pytest.skip` with the reason."""
    assert call.excinfo is not None
    skip = pytest.skip.Exception(error.message).with_traceback(call.excinfo.tb)
    call.excinfo = pytest.ExceptionInfo.from_exception(skip)
    report = yield
    path, line, _ = item.reportinfo()
    report.longrepr = (str(path), (line or 0) + 1, f"Skipped: {error.message}")
    return report


def _is_expected(item: pytest.Item) -> bool:
    """Whether a test is marked to fail with exceptions that it names; a bare xfail expects no broken bench."""
    mark = item.get_closest_marker("xfail")
    return mark is not None and mark.kwargs.get("raises") is not None


def _judge(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, error: HilError | None) -> None:
    assert call.excinfo is not None
    news = [found for node, _ in shown.ran_on(item) if (found := news_of(node)) is not None]
    broken = next((found for found in news if isinstance(found, _BENCH)), None)
    if broken is not None and (error is None or isinstance(error, NodeError)):
        # What the test saw was the bench's doing: a node whose emulator has ended does not answer.
        error = broken
    if isinstance(error, (*_BENCH, *_USAGE)):
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)
    if not report.failed:
        return
    shown.rewrite(item, call.excinfo, report, error, news)
    if isinstance(error, (*_BENCH, *_USAGE)):
        # Terminal, JUnit and xdist say ERROR of a failure outside the call phase.
        report.when = "setup" if report.when == "call" else report.when
    if isinstance(error, _USAGE):
        report.hil_usage = True  # type: ignore[attr-defined]  # travels with the report to an xdist controller
        item.session.shouldstop = f"{error.label} (see above)"
    if isinstance(error, NodeError):
        _fail(item, report)


def _fail(item: pytest.Item, report: pytest.TestReport) -> None:
    """Make it a failure of the test itself.

    A teardown must be reported as one, or JUnit never closes the test case; so the failure goes out as a report of
    its own, before it. JUnit's count of tests is then one more than its test cases, as after pytest's own errors in
    teardown (pytest issue 3850).
    """
    if report.when != "teardown":
        report.when = "call"
        return
    failure = copy.copy(report)
    failure.when = "call"
    item.ihook.pytest_runtest_logreport(report=failure)
    report.outcome, report.longrepr = "passed", None
