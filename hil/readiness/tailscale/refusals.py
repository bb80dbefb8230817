"""Why a control server lets a node not join, where no waiting mends it: the words, and what to do. Reads no log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WHERE: Final = "in TS_AUTHKEY of the ExtensionServiceConfig tailscale"
_MAKE: Final = "`headscale preauthkeys create` makes one"
_FRESH: Final = f"give a fresh key {_WHERE} ({_MAKE})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal that is final.

    Args:
        short: in a few words, for a table.
        hint: what to do; a sentence.
    """

    short: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of refusal.

    Args:
        pattern: searched in the error that tailscaled got.
        source: who says so.
        short: as in `Refusal`.
        hint: as in `Refusal`.
    """

    pattern: re.Pattern[str]
    source: str
    short: str
    hint: str


# The first that matches counts.
_ROWS: Final[tuple[_Row, ...]] = (
    _Row(
        re.compile(r"authkey expired"),
        "headscale v0.29.2, hscontrol/types/preauth_key.go, Validate",
        "its key has expired",
        f"{_FRESH}; its time begins when it is made",
    ),
    _Row(
        re.compile(r"authkey already used"),
        "headscale v0.29.2, hscontrol/types/preauth_key.go, Validate",
        "its one-time key was used before, by another machine or by a start whose state is gone",
        f"{_FRESH}, one for each machine and start, or one that is reusable (--reusable)",
    ),
    _Row(
        re.compile(r"invalid pre auth key|invalid authkey|failed to parse auth-key"),
        "headscale v0.29.2, hscontrol/auth.go; hscontrol/db/preauth_keys.go",
        "the control server does not know its key",
        f"give a key of this very control server, whole, {_WHERE} ({_MAKE}); see --login-server in TS_EXTRA_ARGS too",
    ),
    _Row(
        re.compile(r"invalid key: "),
        "Tailscale's own control server, in its words",
        "the control server does not accept its key",
        f"give a fresh auth key of this tailnet {_WHERE}; an API access token is none",
    ),
    _Row(
        re.compile(r"requested tags \[.{0,200}\] are invalid or not permitted"),
        "headscale v0.29.2, hscontrol/state/tags.go, in Tailscale's words",
        "the control server does not give it the tags that it asks for",
        "let the policy name an owner of these tags (tagOwners), or make the key with them (--tags)",
    ),
    _Row(
        re.compile(r"certificate signed by unknown authority"),
        "Go, crypto/x509, UnknownAuthorityError",
        "it does not trust the CA of the control server's certificate",
        "give that CA in a TrustedRootsConfig document of the machine configuration",
    ),
)


def refusal_in(error: str) -> Refusal | None:
    """What is final about an error, or None: then waiting may help.

    Args:
        error: what tailscaled or `tailscale up` says of its last try.
    """
    for row in _ROWS:
        if row.pattern.search(error):
            return Refusal(row.short, row.hint)
    return None
