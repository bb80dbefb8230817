"""Credentials that OpenSSL is given, and the fingerprints that a person writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from support.talos_pki import Cluster, Pair, self_signed

from hil.errors import UsageError
from hil.readiness.talos import tls
from hil.readiness.talos.access import Access
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.talosconfig import TalosConfigContext, load


@pytest.fixture
def credentials(tmp_path: Path, cluster: Cluster, admin: Pair) -> TalosConfigContext:
    return load(cluster.talosconfig(tmp_path / "talosconfig", admin)).context()


def test_an_encrypted_key_is_refused_and_no_password_asked_for(credentials: TalosConfigContext, admin: Pair) -> None:
    key = admin.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(tls.BadCredentials, match="are unreadable"):
        tls.configured(Access("127.0.0.1", 1), replace(credentials, key=key))


def test_a_ca_that_is_none_is_refused(credentials: TalosConfigContext) -> None:
    ca = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(tls.BadCredentials, match="`ca` is no certificate"):
        tls.configured(Access("127.0.0.1", 1), replace(credentials, ca=ca))


def test_fingerprints() -> None:
    fingerprint = Certificate.from_pem(self_signed().crt).fingerprint
    assert Access("127.0.0.1", 1, fingerprint=fingerprint).fingerprint == fingerprint
    for wrong in ("", fingerprint[:-2], fingerprint + "=", "SHA256:" + fingerprint, "00:11:22", "ä"):
        with pytest.raises(UsageError, match="is not the fingerprint of a key"):
            Access("127.0.0.1", 1, fingerprint=wrong)


def test_places() -> None:
    assert Access("10.0.0.1", 50000).place == "10.0.0.1:50000"
    assert Access("fd00::1", 50000).place == "[fd00::1]:50000"
