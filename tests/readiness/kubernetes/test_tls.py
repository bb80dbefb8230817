"""TLS as a kubeconfig says it: whom it trusts, what it shows, and that no key of it is on a disk."""

from __future__ import annotations

import base64
import ssl
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from support.kubernetes_pki import Authority, new_authority, new_key

from hil.readiness.kubernetes.tls import BadFile, context


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_data_and_files_are_as_good(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a key goes to a disk")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    crt, key = authority.issue("admin")
    for name, data in (("ca", authority.certificate), ("crt", crt), ("key", key)):
        (tmp_path / name).write_bytes(data)
    by_data = context(
        {"certificate-authority-data": packed(authority.certificate)},
        {"client-certificate-data": packed(crt), "client-key-data": packed(key)},
        None,
    )
    by_file = context({"certificate-authority": "ca"}, {"client-certificate": "crt", "client-key": "key"}, tmp_path)
    for made in (by_data, by_file):
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert len(made.get_ca_certs()) == 1


def test_a_cluster_without_an_authority_is_trusted_as_any_server_is() -> None:
    assert context({}, {}, None).verify_mode is ssl.CERT_REQUIRED
    insecure = context({"insecure-skip-tls-verify": True}, {}, None)
    assert (insecure.verify_mode, insecure.check_hostname) == (ssl.CERT_NONE, False)


def test_the_host_s_authorities_are_read_only_to_be_asked(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bool] = []
    default = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: read.append(True) or default())
    own = {"certificate-authority-data": packed(authority.certificate)}
    for cluster, asked in (
        ({"server": "https://h"}, True),
        ({"server": "https://h", **own}, False),
        ({"server": "https://h", "insecure-skip-tls-verify": True}, False),
        ({"server": "http://h"}, False),
    ):
        context(cluster, {}, None)
        assert (bool(read), cluster) == (asked, cluster)
        read.clear()


def test_what_cannot_be_used_is_said(authority: Authority, tmp_path: Path) -> None:
    crt, key = authority.issue("admin")
    loaded = load_pem_private_key(key, None)
    locked = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for cluster, user, words in (
        ({"certificate-authority-data": "!"}, {}, "no base64"),
        ({"certificate-authority-data": packed(b"none")}, {}, "is no certificate"),
        ({"certificate-authority": "none"}, {}, "cannot be read: No such file"),
        ({}, {"client-certificate-data": packed(crt)}, "do not belong together"),
        ({}, {"client-certificate-data": packed(crt), "client-key-data": packed(new_key())}, "do not belong together"),
        ({}, {"client-certificate-data": packed(crt), "client-key-data": packed(locked)}, "do not belong together"),
    ):
        with pytest.raises(BadFile, match=words):
            context(cluster, user, tmp_path)
    with pytest.raises(BadFile, match="relative name"):
        context({"certificate-authority": "ca"}, {}, None)
