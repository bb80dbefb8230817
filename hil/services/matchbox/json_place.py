"""Where in a JSON text a key or a text stands: the line and column that a message names. Checks nothing."""

from __future__ import annotations

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def find_key(text: str, *keys: str) -> tuple[int, int] | None:
    """The line and column, both from 1, of the key at the end of a path of object keys; None when it is not
    there.

    Letter case does not count: Go's decoder takes "Args" for "args" (encoding/json, Unmarshal).

    Args:
        text: valid JSON.
        keys: the path from the top object.
    """
    wanted = [key.casefold() for key in keys]
    path: list[str | None] = []
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in "{[":
            path.append(None)
        elif sign in "}]":
            path.pop()
        elif sign == "," and path:
            path[-1] = None
        elif sign.startswith('"') and path and path[-1] is None:
            path[-1] = str(json.loads(sign)).casefold()
            if path == wanted and text[token.end() :].lstrip().startswith(":"):
                return _place(text, token.start())
    return None


def find_text(text: str, wanted: str) -> tuple[int, int] | None:
    """The line and column, both from 1, of the first string that says this, key or value; None when there is none.

    Args:
        text: valid JSON.
        wanted: what the string means, without its quotes and escapes.
    """
    for token in _TOKEN.finditer(text):
        if token.group().startswith('"') and json.loads(token.group()) == wanted:
            return _place(text, token.start())
    return None


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
