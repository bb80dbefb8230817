"""Keeps secrets out of what is recorded or shown: whole texts, and streams whose chunks are cut anywhere.

It replaces values that it was told. What is secret, it does not decide; who tells it is in `docs/secrets.md`.
"""

from hil.redaction.forms import MARK
from hil.redaction.hidden import HIDDEN, Hidden
from hil.redaction.redactor import Redactor
from hil.redaction.stream import RedactedStream

__all__ = ["HIDDEN", "MARK", "Hidden", "RedactedStream", "Redactor"]
