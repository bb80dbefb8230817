"""Puts the page together: template, style, script, and the data as JSON that no byte can leave. Gathers nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil.errors import InfrastructureError, UsageError
from hil.report.folder import write_whole
from hil.report.page.comparing import compared
from hil.report.page.record import gathered
from hil.report.page.visible import visible, visible_document

_HERE = Path(__file__).parent
_STYLES = ("page.css", "boot.css")
_SCRIPTS = (
    "dom.js",
    "ansi.js",
    "console.js",
    "watts.js",
    "waterfall.js",
    "tables.js",
    "wire.js",
    "comparison.js",
    "page.js",
)
_BOTH = 2
# What could end a script element, begin another, or is a line's end in JavaScript (HTML 4.12.1.3; ECMA-262 12.3).
_ESCAPED = tuple((sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029")


def write_page(folders: Sequence[Path], out: Path) -> None:
    """Write the page of one boot, or of two side by side; whatever of their records is missing is said there.

    Args:
        folders: of the boots, one or two.
        out: the file, replaced as a whole.

    Raises:
        UsageError: there is no such folder, or three.
        InfrastructureError: the file cannot be written.
    """
    if not 1 <= len(folders) <= _BOTH:
        raise UsageError(f"a page shows one boot or two, not {len(folders)}", hint="name one folder or two")
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder of a boot", hint="`hil boot` prints its boot's folder")
    try:
        boots = [gathered(folder, out.parent) for folder in folders]
    except OSError as error:
        raise InfrastructureError(
            f"{error.filename} cannot be looked at: {error.strerror}", hint="see who may read that folder"
        ) from error
    title = " beside ".join(f"{boot['name']}: {boot['headline']}" for boot in boots)
    both = compared(boots[0], boots[1]) if len(boots) == _BOTH else None
    write_whole(out, render(title, {"schema": "hil.page/1", "boots": boots, "comparison": both}))


def render(title: str, data: Mapping[str, object]) -> str:
    """The page as text.

    Args:
        title: of its window.
        data: what its script shows; no control character of it reaches the page.
    """
    style = "".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    script = "".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    # Nothing may be fetched from anywhere, and only what stands here runs (CSP Level 3, 6.1 and 2.3.1).
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(visible(title)),
        "style": style,
        "data": embedded(data),
        "script": script,
    }
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    pieces = page.split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def embedded(data: object) -> str:
    """A document as JSON that may stand in a script element: it has no `<`, `>` or `&`."""
    whole = json.dumps(visible_document(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign, escape in _ESCAPED:
        whole = whole.replace(sign, escape)
    return whole


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
