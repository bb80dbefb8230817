"""What this process has learnt that must reach no record and no message, for whoever writes one. Decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from hil.redaction.redactor import Redactor


class Hidden:
    """A set of secrets that only grows; for any number of threads."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._lock = threading.Lock()
        self._redactor = Redactor(())

    @property
    def redactor(self) -> Redactor:
        """Of all that it knows by now."""
        return self._redactor

    @property
    def secrets(self) -> frozenset[str]:
        """All that it knows by now, for another that redacts."""
        return frozenset(self._secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these too, from now on."""
        with self._lock:
            new = set(secrets) - self._secrets
            if new:
                self._secrets |= new
                self._redactor = Redactor(self._secrets)


HIDDEN: Final = Hidden()
"""This process's. It is one for all benches, because an error may be shown when its bench is long closed."""
