"""Where in a JSON text a key stands: the line and column that a message names. Checks nothing."""

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
                line_start = text.rfind("\n", 0, token.start()) + 1
                return text.count("\n", 0, token.start()) + 1, token.start() - line_start + 1
    return None
