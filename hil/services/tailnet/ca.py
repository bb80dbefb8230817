"""The certificate authority of one bench, and its control server's certificate. Only the bench's machines trust it.

Made anew for each tailnet and valid for days, so that a key that is left somewhere opens nothing for long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID: Final = timedelta(days=14)
# A guest's clock may be behind the host's: its RTC counts whole seconds, and one restored from a snapshot is late.
_BEFORE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """What was made; the authority's own key is forgotten.

    Args:
        ca_pem: the authority's certificate, which clients are to trust.
        ca_file: the same as a file.
        certificate: the server's certificate, a file.
        key: the server's private key, a file of mode 0600.
    """

    ca_pem: str = field(repr=False)
    ca_file: Path
    certificate: Path
    key: Path


def make_authority(folder: Path, address: str, *, bench: str) -> Authority:
    """An authority and one server's certificate for an IP address (RFC 5280, RFC 6125 1.7.2: as a subjectAltName).

    Args:
        folder: a private folder, where the files go.
        address: the server's IP address, as clients have it.
        bench: the bench's name, which the authority's name has in it.

    Raises:
        OSError: a file cannot be written.
    """
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"hil bench {bench}"[:64])])
    ca = (
        _certificate(issuer, issuer, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    server = (
        _certificate(subject, issuer, server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = ca.public_bytes(serialization.Encoding.PEM)
    made = Authority(pem.decode("ascii"), folder / "ca.crt", folder / "server.crt", folder / "server.key")
    made.ca_file.write_bytes(pem)
    made.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _VALID)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
