"""Where a configuration came from, by lines of a kernel's log as Talos gives it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.readiness.talos.config_url import config_url

TOLD = b"kern:  notice: [2026-11-25T10:00:00.1Z]: Kernel command line: talos.config=http://h/told pti=on\n"
ASKED = (
    b'user: warning: [2026-11-25T10:00:02.1Z]: [talos] fetching machine config from: "http://h/c?mac=52%%3A54&n=%d"\n'
)


@pytest.mark.parametrize(
    ("log", "url"),
    [
        (b"", None),
        (b"kern: info: [2026-11-25T10:00:00.1Z]: Kernel command line: console=ttyAMA0\n", None),
        (TOLD, "http://h/told"),
        (TOLD + ASKED % 1, "http://h/c?mac=52%3A54&n=1"),
        (ASKED % 1 + ASKED % 2 + TOLD, "http://h/c?mac=52%3A54&n=2"),
        (b"talos.config=http://h/elsewhere\n", None),
        (TOLD.replace(b" talos.config", b" not.talos.config"), None),
    ],
)
def test_what_talos_asked_is_believed_before_what_it_was_told(log: bytes, url: str | None) -> None:
    assert config_url(log) == url


@given(st.binary() | st.binary().map(lambda data: TOLD[:60] + data + ASKED[-60:] + data))
def test_no_log_raises(log: bytes) -> None:
    url = config_url(log)
    assert url is None or url.isprintable()
