"""TLS to the API of Talos: one way for a configured node, one for maintenance mode. Opens no connection.

TLS 1.3 alone, as Talos itself takes nothing less (siderolabs/crypto v0.6.5, tls/tls.go: MinVersion), and HTTP/2 by
ALPN. Talos's keys are Ed25519, which OpenSSL 3 handles (RFC 8410).
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING

from hil.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from hil.readiness.talos.access import Access
    from hil.readiness.talos.talosconfig import TalosConfigContext


class WrongKey(Exception):
    """A node in maintenance mode shows another key than the one that was expected.

    Args:
        expected: the fingerprint that was given.
        shown: the fingerprint of the key that the node shows.
    """

    def __init__(self, expected: str, shown: str) -> None:
        super().__init__(f"its key is {shown}, not {expected}")
        self.expected = expected
        self.shown = shown


class BadCredentials(Exception):
    """OpenSSL does not take the certificate or key of a talosconfig."""


def configured(access: Access, credentials: TalosConfigContext) -> ssl.SSLContext:
    """For a node that has its configuration: it must be of the talosconfig's CA, and is shown its client certificate.

    Raises:
        BadCredentials: OpenSSL does not take them.
    """
    import ssl

    context = _client(ssl.CERT_REQUIRED, check_hostname=not access.forwarded)
    try:
        context.load_verify_locations(cadata=credentials.ca.decode("ascii", "replace"))
    except ssl.SSLError as error:
        raise BadCredentials(f"`ca` is no certificate that OpenSSL can read ({error.reason})") from error
    _load_client(context, credentials)
    return context


def maintenance() -> ssl.SSLContext:
    """For a node in maintenance mode: any certificate is taken, so its key must be compared (`check_key`)."""
    import ssl

    return _client(ssl.CERT_NONE, check_hostname=False)


def version_1_2() -> ssl.SSLContext:
    """To find out whether a peer that refuses TLS 1.3 speaks TLS 1.2. It checks no certificate: ask nothing by it."""
    import ssl

    context = _client(ssl.CERT_NONE, check_hostname=False)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def check_fingerprint(text: str) -> None:
    """Raises UsageError when it is not a fingerprint as Talos prints it: base64 of a SHA-256."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise UsageError(
            f"{text[:60]!r} is not the fingerprint of a key",
            hint="copy it from the console's line `server certificate issued`: 44 characters that end in =",
        )


def _client(verify: ssl.VerifyMode, *, check_hostname: bool) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = check_hostname
    context.verify_mode = verify
    context.set_alpn_protocols(["h2"])
    return context


def _load_client(context: ssl.SSLContext, credentials: TalosConfigContext) -> None:
    """Give the context a client certificate. `ssl` takes one from a file alone: it lies in memory, and on no disk."""
    import ssl

    descriptor = os.memfd_create("talos-client", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(credentials.crt.rstrip() + b"\n" + credentials.key)
        # Without a password OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: b"")
    except ssl.SSLError as error:
        raise BadCredentials(f"`crt` and `key` do not belong together, or are unreadable ({error.reason})") from error
    finally:
        os.close(descriptor)
