"""How a client shows a device that it may ask: Basic (RFC 7617) and Digest with SHA-256 (RFC 7616). Sends nothing."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

# RFC 9110, 5.6.2 and 5.6.4: a token; a quoted text.
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_PARAMETER: Final = re.compile(rf"[ \t,]*({_TOKEN})[ \t]*=[ \t]*(?:{_QUOTED}|({_TOKEN}))(?=[ \t]*(?:,|\Z))")
_SCHEME: Final = re.compile(rf"[ \t,]*({_TOKEN})(?:[ \t]+|(?=,)|\Z)(?!=)")


class Login(Protocol):
    """One way to show that we may ask. No `repr` has the password in it."""

    def unasked(self) -> str | None:
        """The value of `Authorization` that needs no challenge, or None."""
        ...

    def answer(self, method: str, target: str, challenge: str) -> str | None:
        """The value of `Authorization` for a challenge, or None where it is none of ours.

        Args:
            method: of the request, as "GET".
            target: its path and query.
            challenge: the value of `WWW-Authenticate`; several are joined by ", ".
        """
        ...


@dataclass(frozen=True, slots=True)
class Basic:
    """Basic authentication (RFC 7617, section 2), sent with each request, unasked.

    Args:
        user: has no ":" in it.
        password: any text.
    """

    user: str
    password: str = field(repr=False)

    def unasked(self) -> str:
        """Always the same."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def answer(self, method: str, target: str, challenge: str) -> None:
        """It has been sent already."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Digest authentication with SHA-256 and qop=auth (RFC 7616, section 3.4), anew for each request.

    A nonce is used once: Shelly's firmware before 2.0 takes no second request with one (Shelly Technical
    Documentation, Gen2, "Authentication").

    Args:
        user: as the device knows it.
        password: any text.
    """

    user: str
    password: str = field(repr=False)

    def unasked(self) -> None:
        """There is none without a challenge."""

    def answer(self, method: str, target: str, challenge: str) -> str | None:
        """As `Login.answer`; None for a challenge without SHA-256 or without qop=auth."""
        for asked in challenges(challenge):
            qops = {item.strip() for item in asked.get("qop", "").split(",")}
            if (
                asked.get("algorithm", "").upper() == "SHA-256"
                and "auth" in qops
                and {"realm", "nonce"} <= asked.keys()
            ):
                return self.header(method, target, asked, secrets.token_hex(16))
        return None

    def header(self, method: str, target: str, asked: Mapping[str, str], cnonce: str) -> str:
        """The header's value.

        Args:
            method: of the request.
            target: its path and query.
            asked: the challenge's parameters, with a realm and a nonce at least.
            cnonce: the client's nonce.
        """
        count = "00000001"
        who = _hash(f"{self.user}:{asked['realm']}:{self.password}")
        response = _hash(f"{who}:{asked['nonce']}:{count}:{cnonce}:auth:{_hash(f'{method}:{target}')}")
        quoted = {"username": self.user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": target}
        quoted |= {"response": response, "cnonce": cnonce}
        if "opaque" in asked:
            quoted["opaque"] = asked["opaque"]
        parts = [f'{key}="{_escaped(value)}"' for key, value in quoted.items()]
        return "Digest " + ", ".join([*parts, "algorithm=SHA-256", "qop=auth", f"nc={count}"])


def challenges(value: str) -> list[dict[str, str]]:
    """The parameters of each Digest challenge in a `WWW-Authenticate`; what cannot be read ends the list.

    Args:
        value: the header's value (RFC 9110, 11.6.1: schemes and their parameters, all of them between commas).
    """
    found: list[dict[str, str]] = []
    current: dict[str, str] = {}
    place = 0
    while place < len(value):
        if parameter := _PARAMETER.match(value, place):
            name, quoted, plain = parameter.groups()
            current.setdefault(name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            place = parameter.end()
        elif scheme := _SCHEME.match(value, place):
            current = {}
            if scheme.group(1).lower() == "digest":
                found.append(current)
            place = scheme.end()
        else:
            break
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
