"""What a certificate says: of whom, since when, until when, by whose signature. Trusts none and opens no connection.

Roles and fingerprints are Talos's (machinery v1.13.9, role; siderolabs/crypto, x509/fingerprint.go).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says.

    Args:
        roles: the organizations of its subject; for a client of Talos these are its roles, as "os:admin".
        subject: whom it names, as "CN=talos-node,O=talos".
        issuer: who signed it, in the same form.
        not_before: from when it is valid.
        not_after: until when.
        names: the DNS names and addresses that it is for.
        fingerprint: base64 of the SHA-256 of its public key (SubjectPublicKeyInfo, DER), as Talos prints it.
    """

    roles: tuple[str, ...]
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    fingerprint: str

    @classmethod
    def from_pem(cls, pem: bytes) -> Certificate:
        """The first certificate of a PEM text.

        Raises:
            ValueError: it cannot be read.
        """
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509 import load_pem_x509_certificate

        return cls.from_der(load_pem_x509_certificate(pem).public_bytes(Encoding.DER))

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """A certificate as TLS carries it.

        Raises:
            ValueError: it cannot be read.
        """
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        from cryptography.x509 import NameOID, load_der_x509_certificate

        found = load_der_x509_certificate(der)
        key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        roles = [str(name.value) for name in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        return cls(
            roles=tuple(role for role in roles if role),
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            names=_names(der),
            fingerprint=base64.b64encode(hashlib.sha256(key).digest()).decode(),
        )

    @property
    def dates(self) -> str:
        """From when until when, for messages."""
        return f"{when(self.not_before)} to {when(self.not_after)}"


def _names(der: bytes) -> tuple[str, ...]:
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName, load_der_x509_certificate

    try:
        extension = load_der_x509_certificate(der).extensions.get_extension_for_class(SubjectAlternativeName)
    except (ExtensionNotFound, ValueError):
        return ()
    return tuple(str(name.value) for name in extension.value)


def when(moment: datetime) -> str:
    """A moment for messages, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def now() -> datetime:
    """This host's wall clock."""
    return datetime.now(UTC)
