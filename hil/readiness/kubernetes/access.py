"""How the API of a Kubernetes cluster is reached, at one moment, and what opens it. Reaches nothing.

A kubeconfig comes from the user, as a file, or from Talos, as bytes. One of Talos's names the cluster's endpoint,
which a bench reaches by a door on another address: then the connection goes to the door, and the certificate must
still name the endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from hil.errors import ConfigError, Problem
from hil.readiness.kubernetes.fields import Object, objects, section, text

_MEND = "take the kubeconfig that was made with the cluster; `kubectl config view` shows how kubectl reads it"


@dataclass(frozen=True, slots=True)
class KubernetesAccess:
    """What opens a cluster, and where it is.

    Args:
        origin: where the kubeconfig came from, for messages: a file's name, or "Talos".
        kubeconfig: its bytes; never shown.
        context: which of its contexts; None for its own choice.
        folder: what relative names of files in it start from; None where it lies in no folder.
        door: host and port to connect to in place of the server that it names; None for that server.
    """

    origin: str
    kubeconfig: bytes = field(repr=False)
    context: str | None = None
    folder: Path | None = None
    door: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A kubeconfig's bytes as its own keys, and what of them lightkube does not keep.

    Args:
        keys: the whole of it; never shown.
        cluster, user: the chosen context's own; the latter never shown.
        server: the URL of the cluster.
        server_name: the name that the server's certificate must have, where the file says so; else "".
    """

    keys: Object = field(repr=False)
    cluster: Object = field(repr=False)
    user: Object = field(repr=False)
    server: str
    server_name: str


def from_file(path: Path, context: str | None = None) -> KubernetesAccess:
    """The user's kubeconfig.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return KubernetesAccess(str(path), path.read_bytes(), context, folder=path.absolute().parent)
    except OSError as error:
        raise _error(
            str(path), f"the kubeconfig cannot be read: {error.strerror}", "name a file that is there"
        ) from None


def from_talos(kubeconfig: bytes, host: str, port: int) -> KubernetesAccess:
    """The kubeconfig that Talos gives to its administrators (machinery, api/machine/machine.proto: Kubeconfig).

    Args:
        kubeconfig: its bytes.
        host, port: where the node's port 6443 is reached now.
    """
    return KubernetesAccess("Talos", kubeconfig, door=(host, port))


def parse(access: KubernetesAccess) -> Parsed:
    """The keys of a kubeconfig.

    Raises:
        ConfigError: it is none, or has no such context.
    """
    keys = _yaml(access)
    wanted = access.context or text(keys, "current-context")
    if not wanted:
        raise _error(access.origin, "it chooses no context", "add `current-context:`, or say which one is meant")
    context = _named(access, keys, "contexts", wanted)
    user = text(context, "context", "user")
    if not user:
        raise _error(access.origin, f"its context {wanted!r} names no user", _MEND)
    person = _named(access, keys, "users", user)
    cluster = _named(access, keys, "clusters", text(context, "context", "cluster"))
    server = text(cluster, "cluster", "server")
    if not _is_url(server):
        raise _error(access.origin, f"the cluster of its context {wanted!r} has no server to go to", _MEND)
    return Parsed(
        keys,
        section(cluster, "cluster"),
        section(person, "user"),
        server,
        text(cluster, "cluster", "tls-server-name"),
    )


def _yaml(access: KubernetesAccess) -> Object:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        keys = YAML(typ="safe", pure=True).load(access.kubeconfig)
    # What a tag of YAML's own cannot hold, as a date of month 13, is a ValueError.
    except (YAMLError, ValueError, RecursionError):
        keys = None
    if not isinstance(keys, dict) or text(keys, "kind") not in ("Config", ""):
        raise _error(access.origin, "this is not a kubeconfig", _MEND)
    return keys


def _is_url(server: str) -> bool:
    try:
        there = urlsplit(server)
        return there.scheme in ("https", "http") and bool(there.hostname) and there.port != 0
    except ValueError:
        return False


def _named(access: KubernetesAccess, keys: Object, part: str, name: str) -> Object:
    there = objects(keys, part)
    for entry in there:
        if text(entry, "name") == name:
            return entry
    known = ", ".join(text(entry, "name") for entry in there) or "none"
    raise _error(access.origin, f"there is no {name!r} among its {part}: {known}", _MEND)


def _error(origin: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(origin, 0, 0, "", message)], hint=hint)
