"""The folder of one boot: recording, timeline, verdict. Whoever opens it later finds all that is known.

Writes only when the course of the boot changes, each file whole (written aside, then renamed), so that a crash
leaves the last state and never half a file.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from hil.errors import InfrastructureError
from hil.redaction import HIDDEN
from hil.timeline.draw import table
from hil.timeline.timeline import Timeline

SCHEMA = "hil.boot/1"
PAGE = "boot.html"
"""A boot's page in its folder (hil.report.page)."""

_ROOM = "make room on that disk; what was recorded before is kept"
_GONE = "see whether that folder is still there and its disk may be written (dmesg has why not)"


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder under `parent` whose name nobody else has: `name`, then `name-2`, ...

    Raises:
        InfrastructureError: it cannot be made.
    """
    number = 1
    try:
        # By itself: a link to nowhere is there already too, and no other name would help against that.
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        why = f"{parent} is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise InfrastructureError(
            f"the folder for this boot's record cannot be made: {parent / name}: {why}",
            hint="name another one with --hil-artifacts (pytest) or --artifacts (hil boot)",
        ) from error


def stamp_name(prefix: str) -> str:
    """`prefix-20260131-235959Z`: sorts by time and says the zone."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%d-%H%M%SZ}"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one.

    Raises:
        InfrastructureError: the disk is full or read-only, or the folder is gone.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise InfrastructureError(
            f"{path} cannot be written: {error.strerror}",
            hint=_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else _GONE,
        ) from error
    finally:
        # On a disk that has become read-only this fails, though there is nothing to remove.
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def write_packets(folder: Path, document: Mapping[str, object]) -> None:
    """Write packets.json, without anything that is known to be secret.

    Args:
        folder: the boot's.
        document: what its packets say (`hil.timeline.packets.conversations`).

    Raises:
        InfrastructureError: the disk is full, or the folder is gone.
    """
    write_whole(folder / "packets.json", json.dumps(HIDDEN.redactor.document(document), indent=1) + "\n")


def write_boot(folder: Path, facts: Mapping[str, object], timeline: Timeline) -> None:
    """Write boot.json, timeline.json and timeline.txt, without anything that is known to be secret.

    Args:
        folder: the boot's.
        facts: what is known besides the timeline: node, image, verdict, ...

    Raises:
        InfrastructureError: the disk is full, or the folder is gone.
    """
    clean = HIDDEN.redactor
    write_whole(folder / "boot.json", json.dumps(clean.document({"schema": SCHEMA, **facts}), indent=1) + "\n")
    write_whole(folder / "timeline.json", json.dumps(clean.document(timeline.to_json()), indent=1) + "\n")
    write_whole(folder / "timeline.txt", clean.text(table(timeline)) + "\n")
