"""TLS to a cluster, as its kubeconfig says it. Opens no connection.

A client's key lies in memory, and on no disk: lightkube would write it to a temporary file. Nor does anybody ask the
terminal for the password of an encrypted key, as OpenSSL would: who has one is told so.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from hil.readiness.kubernetes.fields import Object, text, truth


class BadFile(Exception):
    """What a kubeconfig has of certificates and keys cannot be used."""


def context(cluster: Object, user: Object, folder: Path | None) -> ssl.SSLContext:
    """What trusts the cluster and shows the user's certificate.

    Args:
        cluster, user: of the kubeconfig's context (client-go v0.34.4, tools/clientcmd/api/v1: Cluster, AuthInfo).
        folder: what relative names of files start from; None where the kubeconfig lies in no folder.

    Raises:
        BadFile: a file cannot be read, or OpenSSL does not take what is there.
    """
    made = _trusting(cluster, folder)
    certificate, key = _bytes(user, "client-certificate", folder), _bytes(user, "client-key", folder)
    if certificate or key:
        _load(made, certificate, key)
    return made


def _trusting(cluster: Object, folder: Path | None) -> ssl.SSLContext:
    """What trusts the cluster. The host's authorities, more than a hundred, are read where they are asked alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if truth(cluster, "insecure-skip-tls-verify"):
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    elif authority := _bytes(cluster, "certificate-authority", folder):
        # Its own authority alone: no other may vouch for a cluster.
        try:
            made.load_verify_locations(cadata=authority.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError) as error:
            raise BadFile(f"its certificate-authority is no certificate ({_reason(error)})") from error
    elif urlsplit(text(cluster, "server")).scheme != "http":
        made = ssl.create_default_context()
        # Python 3.13 and newer ask more of a CA than Kubernetes's own have, and than Go does.
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def _bytes(section: Object, name: str, folder: Path | None) -> bytes:
    """Data, or a file's content; data comes first, as client-go has it."""
    if data := text(section, f"{name}-data"):
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadFile(f"its {name}-data is no base64") from error
    if not (file := text(section, name)):
        return b""
    if folder is None and not Path(file).is_absolute():
        raise BadFile(f"its {name} is a relative name, and the kubeconfig lies in no folder")
    try:
        return (folder / file if folder is not None else Path(file)).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "the name cannot be"
        raise BadFile(f"its {name} cannot be read: {why}") from error


def _load(made: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Give the context a client certificate; `ssl` takes one from a file alone."""
    descriptor = os.memfd_create("kubernetes-client", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(certificate.rstrip() + b"\n" + key)
        made.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        raise BadFile(
            f"its client-certificate and client-key do not belong together, or cannot be read ({_reason(error)})"
        ) from error
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else "") or "unknown reason"
