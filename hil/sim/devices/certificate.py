"""The certificate that a device has made itself, and TLS with it. Another one at each start; nobody trusts it."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID: Final = timedelta(days=14)


def self_signed(name: str) -> ssl.SSLContext:
    """A server's TLS, with a key that is in no file for longer than this takes.

    Args:
        name: what the certificate says of who it is.

    Raises:
        OSError: there is no room for two small files.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # OpenSSL reads them from files alone; the folder is this user's.
    with tempfile.TemporaryDirectory(prefix="hil-twin-") as folder:
        file = Path(folder) / "both.pem"
        file.write_bytes(certificate.public_bytes(pem) + private)
        context.load_cert_chain(file)
    return context
