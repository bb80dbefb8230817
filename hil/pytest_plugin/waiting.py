"""Says on the terminal, beside pytest's own lines, what a bench is waiting for while it opens. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.tools.progress import Step


def shown_beside(config: pytest.Config) -> Callable[[Step], None]:
    """What shows a step once, on standard error as it was before pytest captured it.

    A worker of xdist has its controller's standard error, and no terminal of its own.

    Args:
        config: the session's.
    """
    seen: set[str] = set()

    def show(step: Step) -> None:
        if step.what in seen:
            return
        seen.add(step.what)
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            print(f"\nhil: {step.what}", file=sys.stderr, flush=True)
            return
        with capture.global_and_fixture_disabled():
            print(f"\nhil: {step.what}", file=sys.stderr, flush=True)

    return show
