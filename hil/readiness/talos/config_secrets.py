"""What of a machine configuration may be shown, and what may only be said to be the same or another. Pure.

Rather too much is hidden than too little: a mark still says whether a value differs, and the file has the value.
"""

from __future__ import annotations

import re
from typing import Final

from hil.readiness.talos.config_text import Leaf

# Keys below which secrets are, in whatever kind of document (machinery v1.13.9, config/types): keys, certificates,
# tokens, passwords; whole files and manifests; but not the names that a certificate is for.
_SECRET_KEY: Final = re.compile(
    r"(?i)secret|token|passw|passphrase|key|auth|crt|cert(?!-?sans$)|content|variables|credential|psk|user"
)
# Lists and mappings of environment variables: their names are shown (machine.env; ExtensionServiceConfig).
_ENVIRONMENT: Final = frozenset({"env", "environment"})
# Values that give themselves away: PEM, also in base64; keys of Tailscale; a bootstrap token (Kubernetes,
# bootstrap-tokens); a JSON Web Token (RFC 7519); 32 or more characters of base64 or hex; a URL with a user or a query.
_MARKED: Final = (
    r"-----BEGIN|LS0tLS1CRUdJTi|tskey-|\b[a-z0-9]{6}\.[a-z0-9]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\."
    r"|://[^/?#\s]*@|://[^?#\s]*\?\S"
)
_SECRET_VALUE: Final = re.compile(rf"{_MARKED}|\A[A-Za-z0-9+/_-]{{32,}}={{0,2}}\Z")
# A name of 32 letters is nothing strange: horizontal-pod-autoscaler-sync-period.
_SECRET_IN_KEY: Final = re.compile(rf"{_MARKED}|\(secret")
_ASSIGNED: Final = re.compile(r"(?s)([A-Za-z_][A-Za-z0-9_.-]{0,100})=(.*)")


def secret_part(leaf: Leaf) -> tuple[str, str] | None:
    """The part of a leaf that may be shown all the same, and the part that may not; None when nothing is secret.

    Args:
        leaf: which. Of `NAME=VALUE` the name may be shown.
    """
    if leaf.empty:
        return None
    keys = [step for step in leaf.path if isinstance(step, str)]
    if any(_SECRET_KEY.search(key) for key in keys):
        return "", leaf.text
    in_environment = any(key in _ENVIRONMENT for key in keys)
    assigned = _ASSIGNED.fullmatch(leaf.text)
    # The padding of base64 looks like an assignment.
    if assigned is None or _gives_itself_away(assigned[1]):
        return ("", leaf.text) if in_environment or _gives_itself_away(leaf.text) else None
    if in_environment or _SECRET_KEY.search(assigned[1]) or _gives_itself_away(assigned[2]):
        return f"{assigned[1]}=", assigned[2]
    return None


def secret_of_key(key: str) -> tuple[str, str] | None:
    """The part of a key that may be shown all the same, and the part that may not; None when nothing is secret.

    Keys are names; but one colon too many after `NAME=VALUE` in a list makes that a key.

    Args:
        key: which. One that reads like what stands for a secret is hidden too, so that the two are told apart.
    """
    assigned = _ASSIGNED.fullmatch(key)
    if assigned is not None and not _SECRET_IN_KEY.search(assigned[1]):
        return f"{assigned[1]}=", assigned[2]
    return ("", key) if _SECRET_IN_KEY.search(key) else None


def _gives_itself_away(text: str) -> bool:
    # Base64 is often wrapped.
    return any(_SECRET_VALUE.search(form) is not None for form in (text, "".join(text.split())))
