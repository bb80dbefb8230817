"""Asks a kubeconfig's credential plugin: a program that gives a token or a certificate, as cloud providers have it.

Source: kubernetes.io, Authentication, "client-go credential plugins" (client.authentication.k8s.io/v1 and v1beta1).
lightkube runs such programs too, without a limit of time and not for v1. What a plugin gives is kept in memory
alone; none of it, and nothing that the plugin prints, reaches a message.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from hil.clock import Deadline
from hil.readiness.kubernetes.fields import Object, at, objects, text
from hil.readiness.kubernetes.trouble import CannotAsk

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_BY_HAND = "run it by hand, or log in anew: `kubectl get nodes` uses it too"


def ask_plugin(wanted: Object, cluster: Object, folder: Path | None, deadline: Deadline) -> Object:
    """Run a plugin once; it has no terminal, so that it cannot ask a person.

    Args:
        wanted: the `exec` of a kubeconfig's user.
        cluster: the `cluster` of its context, for a plugin that wants to know it.
        folder: what a relative command starts from; None where the kubeconfig lies in no folder.
        deadline: when it must be done.

    Returns:
        a kubeconfig's user who has what the plugin gave: a token, a certificate with its key, or both.

    Raises:
        CannotAsk: it cannot be run, was too slow, failed, or gave nothing that can be used.
    """
    version, command = text(wanted, "apiVersion"), text(wanted, "command")
    if version not in _VERSIONS or not command:
        raise CannotAsk(
            f"the kubeconfig's credential plugin is of a kind that is not known ({version or 'no apiVersion'})",
            hint=f"one of {' and '.join(_VERSIONS)} can be used",
        )
    if "/" in command and folder is not None:
        command = str(folder / command)
    spec = {"interactive": False, **({"cluster": dict(cluster)} if at(wanted, "provideClusterInfo") is True else {})}
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    given = {text(one, "name"): text(one, "value") for one in objects(wanted, "env") if text(one, "name")}
    words = at(wanted, "args")
    arguments = [str(word) for word in words] if isinstance(words, list) else []
    printed = _run([command, *arguments], {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(info)}, deadline)
    return _credential(Path(command).name, printed)


def _run(argv: list[str], environment: dict[str, str], deadline: Deadline) -> bytes:
    name = Path(argv[0]).name
    try:
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotAsk(
            f"the kubeconfig's credential plugin {name} cannot be run: {why}", hint="install it, or put it in PATH"
        ) from error
    with process:
        try:
            printed, _ = process.communicate(timeout=deadline.remaining())
        except subprocess.TimeoutExpired:
            raise CannotAsk(f"the kubeconfig's credential plugin {name} is too slow", hint=_BY_HAND) from None
        finally:
            # Whatever it left behind would keep its output open, and nobody else would end it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise CannotAsk(
            f"the kubeconfig's credential plugin {name} failed (exit code {process.returncode})", hint=_BY_HAND
        )
    return bytes(printed)


def _credential(name: str, printed: bytes) -> Object:
    try:
        said = json.loads(printed)
    except (ValueError, RecursionError):
        said = None
    token = text(said, "status", "token")
    certificate, key = text(said, "status", "clientCertificateData"), text(said, "status", "clientKeyData")
    if text(said, "kind") != "ExecCredential" or not (token or (certificate and key)):
        raise CannotAsk(f"the kubeconfig's credential plugin {name} gave no credential", hint=_BY_HAND)
    # A kubeconfig has base64 where the plugin gives PEM.
    pair = {"client-certificate-data": certificate, "client-key-data": key}
    packed = {name: base64.b64encode(pem.encode()).decode() for name, pem in pair.items() if pem}
    return {"token": token, **packed}
