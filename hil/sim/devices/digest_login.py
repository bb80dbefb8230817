"""The server's side of HTTP Digest with SHA-256 and qop=auth (RFC 7616). Knows no paths and sends nothing.

A nonce is good for one request, as Shelly's firmware before 2.0 has it ("this process must be repeated for each
request", Gen2 API, Authentication): a client that says it again is challenged anew.
"""

from __future__ import annotations

import hmac
import re
from collections import deque
from hashlib import sha256
from secrets import token_hex
from typing import Final

from hil.sim.devices.http import Request

_NONCES: Final = 64
_PARAMETER: Final = re.compile(r'([a-z0-9_-]+)=(?:"([^"]*)"|([^",\s]+))', re.IGNORECASE)


class DigestLogin:
    """Who may come in.

    Args:
        user: one name.
        password: of that one.
        realm: what the client shows its user, and computes with.
    """

    def __init__(self, user: str, password: str, realm: str) -> None:
        self._user = user
        self._realm = realm
        self._first = _hashed(user, realm, password)
        self._open: deque[str] = deque(maxlen=_NONCES)

    def challenge(self) -> str:
        """The value of WWW-Authenticate, with a new nonce."""
        self._open.append(token_hex(4))
        return f'Digest qop="auth", realm="{self._realm}", nonce="{self._open[-1]}", algorithm=SHA-256'

    def admits(self, request: Request) -> bool:
        """Whether a request shows that its sender has the password; its nonce is spent then."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        said = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
        nonce = said.get("nonce", "")
        if scheme.lower() != "digest" or nonce not in self._open or said.get("qop") != "auth":
            return False
        if said.get("username") != self._user:
            return False
        second = _hashed(request.method, request.target)  # what was asked for, whatever "uri" says it was
        expected = _hashed(self._first, nonce, said.get("nc", ""), said.get("cnonce", ""), "auth", second)
        if not hmac.compare_digest(expected.encode(), said.get("response", "").encode()):
            return False
        self._open.remove(nonce)
        return True


def _hashed(*parts: str) -> str:
    return sha256(":".join(parts).encode()).hexdigest()
