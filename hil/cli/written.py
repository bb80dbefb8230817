"""The file of an option `--out`: written, or what is wrong with it. Says nothing of what is in it."""

from __future__ import annotations

from pathlib import Path

from hil.errors import UsageError


def write_out(out: Path, text: str) -> None:
    """Write it, over what was there.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error.strerror or error}", hint="name a file in a folder that you can write to"
        ) from error
