"""Takes secrets out of pytest's reports before anybody gets them: terminal, JUnit, an xdist controller.

What a test prints with `-s`, and the names of tests, go their own way; they are not looked at. What is secret, others
have said by then.
"""

from __future__ import annotations

import dataclasses
import sys

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Clean a test's report: its error, captured output, properties."""
    _clean(report)


@pytest.hookimpl(tryfirst=True)
def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Clean the report of a module that cannot be collected."""
    _clean(report)


def _clean(report: pytest.TestReport | pytest.CollectReport) -> None:
    # Where nobody has imported it, nobody has learnt a secret; a session without hil does not pay for the import.
    if "hil.redaction" not in sys.modules:
        return
    from hil.redaction import HIDDEN

    redactor = HIDDEN.redactor
    if not redactor:
        return

    def clean(value: object) -> object:
        """The value without secrets; pytest's own representations are changed in place (_pytest/_code/code.py)."""
        if isinstance(value, str):
            return redactor.text(value)
        if isinstance(value, (list, tuple)):
            return type(value)(map(clean, value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for each in dataclasses.fields(value):
                setattr(value, each.name, clean(getattr(value, each.name)))
        return value

    for name in ("longrepr", "sections", "user_properties"):
        if hasattr(report, name):
            setattr(report, name, clean(getattr(report, name)))
