"""Characters that a screen would obey instead of showing, as ones that it shows. Knows no HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping

# C0 but tab and newline, DEL, C1, line separators, whatever turns the direction of text, surrogates, and what has no
# width (Unicode Standard 15, 23.2 and 23.4; UAX #9).
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_PICTURES = 0x2400
_DELETE = "\u2421"


def visible(text: str) -> str:
    """A text with a control picture (U+2400 and on) for each control character of ASCII, `⟨U+202E⟩` for others."""
    return _HIDDEN.sub(_picture, text) if _HIDDEN.search(text) else text


def visible_document(value: object) -> object:
    """As `visible`, of each text in lists and mappings, keys included; what else there is stays as it is."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(key)): visible_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [visible_document(item) for item in value]
    return value


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_PICTURES + code)
    return _DELETE if code == 0x7F else f"⟨U+{code:04X}⟩"
