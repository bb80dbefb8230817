"""The forms in which a secret travels: as it is, quoted for a URL, escaped for JSON, in base64.

Also what stands there instead. Searches nothing.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Iterator
from typing import Final

MARK: Final = "[redacted]"
"""What stands where a secret stood."""

SHORTEST: Final = 6
"""Characters that a secret has at least: what is shorter stands in many a text by chance, and is not hidden."""

_LINE: Final = 16
_LONGEST_ENCODED: Final = 512
# RFC 3986, 2.3: what stands for itself in a URL.
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# What Go's encoder escapes besides, so that JSON may stand in HTML (encoding/json, HTMLEscape).
_HTML: Final = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"))


def hidden_parts(secret: str) -> list[str]:
    """What of a secret is looked for: itself, and of several lines each long one (a key in PEM is indented in YAML).

    Args:
        secret: any text. Blanks around it are left out; [] when fewer than SHORTEST characters are left.
    """
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()]
    long = [line for line in lines if len(line) >= _LINE and not line.startswith("-----")] if len(lines) > 1 else []
    return [part for part in (whole, *long) if len(part) >= SHORTEST]


def forms(secret: str) -> set[bytes]:
    """All forms of one secret.

    Args:
        secret: at least SHORTEST characters.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    found = {raw, *_in_urls(raw), *(form.encode("utf-8", "surrogatepass") for form in _escaped(secret))}
    if len(raw) <= _LONGEST_ENCODED:
        found |= set(_in_base64(raw))
    return found


def _in_urls(raw: bytes) -> Iterator[bytes]:
    """Percent-encoded (RFC 3986, 2.1), in either case, with slashes as they are or not, and a blank as a plus."""
    for digits in ("%%%02X", "%%%02x"):
        for safe in (_UNRESERVED, _UNRESERVED | {ord("/")}):
            quoted = "".join(chr(byte) if byte in safe else digits % byte for byte in raw).encode()
            yield quoted
            yield quoted.replace(b"%20", b"+")


def _escaped(secret: str) -> Iterator[str]:
    """As a string of JSON (RFC 8259, 7), or of a Python program, has it."""
    for ascii_only in (True, False):
        text = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield text
        for character, escape in _HTML:
            text = text.replace(character, escape)
        yield text
    yield repr(secret)[1:-1]


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What of base64 (RFC 4648, 4 and 5) depends on the secret alone, at each of the three places where it can begin.

    Up to six bits at either end share a character with what stands beside it; that one is not hidden.
    """
    for before in range(3):
        encoded = b2a_base64(bytes(before) + raw, newline=False)
        core = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")
