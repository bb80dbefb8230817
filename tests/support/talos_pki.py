"""Certificates as Talos makes them, Ed25519 and all, for tests without Talos."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Ed25519PrivateKey

    @property
    def crt(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def pem_key(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def talos_key(self) -> bytes:
        """The key under the label that Talos gives it."""
        return self.pem_key.replace(b" PRIVATE KEY", b" ED25519 PRIVATE KEY")

    def write(self, folder: Path, name: str) -> Path:
        file = folder / f"{name}.pem"
        file.write_bytes(self.crt + self.pem_key)
        return file


class Cluster:
    """One cluster: its CA, and what that signs.

    Args:
        since: from when its CA is valid.
        linked: whether each certificate names the key that signed it, as Go makes them.
    """

    def __init__(self, since: datetime | None = None, *, linked: bool = True) -> None:
        self._linked = linked
        self.since = since or datetime.now(UTC) - HOUR
        key = Ed25519PrivateKey.generate()
        self.ca = Pair(
            _sign("talos", (), key, key, self.since, self.since + 10 * YEAR, authority=True, linked=linked), key
        )

    def server(
        self,
        names: tuple[str, ...] = ("127.0.0.1", "localhost"),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Pair:
        since = since or self.since
        key = Ed25519PrivateKey.generate()
        signed = _sign(
            "node1",
            ("talos",),
            key,
            self.ca.key,
            since,
            until or since + 30 * HOUR,
            names=names,
            linked=self._linked,
        )
        return Pair(signed, key)

    def client(
        self, *roles: str, since: datetime | None = None, until: datetime | None = None, usage: str = "client"
    ) -> Pair:
        since = since or self.since
        key = Ed25519PrivateKey.generate()
        signed = _sign("", roles, key, self.ca.key, since, until or since + YEAR, usage=usage, linked=self._linked)
        return Pair(signed, key)

    def talosconfig(self, file: Path, client: Pair, *, endpoint: str = "127.0.0.1", context: str = "test") -> Path:
        """A talosconfig file for a client of this cluster."""
        parts = {"ca": self.ca.crt, "crt": client.crt, "key": client.talos_key}
        lines = [f"        {key}: {base64.b64encode(pem).decode()}" for key, pem in parts.items()]
        head = [f"context: {context}", "contexts:", f"    {context}:", f"        endpoints: [{endpoint}]"]
        file.write_text("\n".join([*head, *lines, ""]))
        return file


def self_signed() -> Pair:
    """What a node in maintenance mode shows: a leaf of a CA that nobody has."""
    return Cluster().server(("maintenance-service.talos.dev",))


def _sign(
    name: str,
    organizations: tuple[str, ...],
    key: Ed25519PrivateKey,
    by: Ed25519PrivateKey,
    since: datetime,
    until: datetime,
    *,
    authority: bool = False,
    names: tuple[str, ...] = (),
    usage: str = "",
    linked: bool = True,
) -> x509.Certificate:
    if authority:
        organizations = ("talos",)
        subject = issued = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "talos")])
    else:
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, item) for item in organizations]
        attributes += [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
        subject, issued = x509.Name(attributes), x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "talos")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issued).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if linked:
        from_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(from_key, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(item) for item in names]), critical=False)
    if not authority:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if usage == "client" else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(by, None)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
