"""An open client of one cluster: lightkube, each request bounded in time and size. Judges nothing.

The only module that imports lightkube and the HTTP library below it; it is imported when the first question is
asked, as both cost a start half a second.
"""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

import httpx2
import msgspec
from lightkube import Client, KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import GenericGlobalResource, GenericNamespacedResource, create_api_info

from hil.clock import Deadline
from hil.readiness.kubernetes.access import KubernetesAccess, parse
from hil.readiness.kubernetes.fields import Object, section
from hil.readiness.kubernetes.kinds import Kind
from hil.readiness.kubernetes.plugin import ask_plugin
from hil.readiness.kubernetes.tls import BadFile, context
from hil.readiness.kubernetes.trouble import CannotAsk, no_answer, not_understood, object_absent, refused

_LARGEST = 64 << 20
_EVERYWHERE = "*"
# What of a kubeconfig's user goes into a request, and not into TLS (client-go, tools/clientcmd/api/v1: AuthInfo).
_SHOWN = frozenset({"token", "tokenFile", "username", "password", "auth-provider"})
_PAGE = 500
_LAST_LINES = 5
# Redirections too: no API server sends one, and following it would show the credential to whoever is meant.
_NO_ANSWER = 300

# What lightkube, its HTTP library and its JSON reader raise, and what they let through when an answer is odd.
_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, msgspec.MsgspecError, ConfigError, OSError, ValueError, TypeError)


class Wire:
    """A client, from its making to its close. One thread uses it at a time.

    Args:
        access: what it is of.
        deadline: for a program that gives the credential.

    Raises:
        ConfigError: of hil's: the kubeconfig cannot be.
        CannotAsk: what the kubeconfig names cannot be used.
    """

    def __init__(self, access: KubernetesAccess, deadline: Deadline) -> None:
        parsed = parse(access)
        there = urlsplit(parsed.server)
        server, name = parsed.server, parsed.server_name
        if access.door is not None:
            host, port = access.door
            server = f"{there.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
            name = name or there.hostname or ""
        self.place = server
        person = parsed.user
        if "exec" in person:
            person = ask_plugin(section(person, "exec"), parsed.cluster, access.folder, deadline)
        config = _chosen(access, parsed.keys, person, server)
        try:
            self._transport = _Bounded(context(parsed.cluster, person, access.folder), name)
        except BadFile as error:
            raise _unusable(access, error) from error
        self._client = _client(access, config, self._transport)

    @property
    def now(self) -> datetime | None:
        """The server's clock at its last answer, by the Date that came with it; None where it said none."""
        return self._transport.date

    def one(self, kind: Kind, name: str, namespace: str, deadline: Deadline) -> Object | None:
        """One object; None when there is none of that name.

        Raises:
            CannotAsk: there was no answer that could be used; NoSuchKind when the kind is unknown there.
        """
        self._transport.begin(deadline)
        try:
            if kind.namespaced:
                return dict(self._client.get(_namespaced(kind), name, namespace=namespace))
            return dict(self._client.get(_global(kind), name))
        except _FAILURES as failure:
            if self._transport.status == 404 and object_absent(self._transport.body):
                return None
            raise self._trouble(kind, failure) from failure

    def all(self, kind: Kind, fields: dict[str, str], namespace: str, deadline: Deadline) -> tuple[Object, ...]:
        """All objects of a kind.

        Args:
            kind: which.
            fields: what their fields must be, as {"spec.nodeName": "node1"}.
            namespace: of which namespace; "" for all.
            deadline: by when.

        Raises:
            CannotAsk: as for `one`.
        """
        self._transport.begin(deadline)
        try:
            if kind.namespaced:
                where = namespace or _EVERYWHERE
                found = self._client.list(_namespaced(kind), namespace=where, fields=dict(fields), chunk_size=_PAGE)
                return tuple(dict(item) for item in found)
            return tuple(
                dict(item) for item in self._client.list(_global(kind), fields=dict(fields), chunk_size=_PAGE)
            )
        except _FAILURES as failure:
            raise self._trouble(kind, failure) from failure

    def last_line(self, kind: Kind, name: str, namespace: str, container: str, deadline: Deadline) -> str:
        """The last line of a pod's container's log that is not empty; "" where there is none.

        Raises:
            CannotAsk: as for `one`.
        """
        self._transport.begin(deadline)
        try:
            lines = self._client.log(name, namespace=namespace, container=container, tail_lines=_LAST_LINES)
            return next((line.strip() for line in reversed(list(lines)) if line.strip()), "")
        except _FAILURES as failure:
            raise self._trouble(kind, failure) from failure

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _trouble(self, kind: Kind, failure: Exception) -> CannotAsk:
        if self._transport.status >= _NO_ANSWER:
            return refused(self.place, kind, self._transport.status, self._transport.body)
        if isinstance(failure, ConfigError):
            return CannotAsk(
                f"the kubeconfig's user cannot be shown to the cluster: {failure}",
                hint="take a kubeconfig whose user has a certificate or a token",
            )
        if isinstance(failure, httpx2.HTTPError | OSError):
            return no_answer(self.place, failure)
        return not_understood(self.place, kind, " ".join(str(failure).split())[:120] or type(failure).__name__)


class _Bounded(httpx2.BaseTransport):
    """Carries requests: none longer than the deadline, no answer larger than is sane, each error kept as it came.

    Args:
        context: of TLS.
        server_name: that the server's certificate must have; "" for the name in the URL.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._next = httpx2.HTTPTransport(verify=context, trust_env=False)
        self._server_name = server_name
        self._deadline = Deadline.after(0)
        self.date: datetime | None = None
        self.status = 0
        self.body = b""

    def begin(self, deadline: Deadline) -> None:
        """The next question, and by when it must be answered."""
        self._deadline = deadline
        self.status, self.body = 0, b""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keeps the protocol of the HTTP library."""
        if self._deadline.expired:
            raise httpx2.ReadTimeout("time is up", request=request)
        left = self._deadline.remaining()
        request.extensions["timeout"] = {"connect": left, "read": left, "write": left, "pool": left}
        if self._server_name:
            request.extensions["sni_hostname"] = self._server_name
        # What is not packed cannot unpack to more than is sane.
        request.headers["Accept-Encoding"] = "identity"
        response = self._next.handle_request(request)
        try:
            body = self._read(request, response)
        finally:
            response.close()
        self.date = _date(response.headers.get("Date", ""))
        self.status = response.status_code
        if self.status < _NO_ANSWER:
            return httpx2.Response(self.status, content=body, request=request)
        self.body = body
        # lightkube reads the body of an error as a Status, and fails on any other.
        sane = json.dumps({"kind": "Status", "code": self.status}).encode()
        return httpx2.Response(
            self.status, headers={"Content-Type": "application/json"}, content=sane, request=request
        )

    def close(self) -> None:
        """Keeps the protocol of the HTTP library."""
        self._next.close()

    def _read(self, request: httpx2.Request, response: httpx2.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_raw():
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                raise ValueError(f"more than {_LARGEST >> 20} MiB")
            if self._deadline.expired:
                raise httpx2.ReadTimeout("time is up", request=request)
        return b"".join(parts)


def _chosen(access: KubernetesAccess, keys: Object, person: Object, server: str) -> SingleConfig:
    """The kubeconfig as lightkube has it, with another server and user, and without what `tls` has of it.

    lightkube makes a TLS context of its own in any case, which nothing uses here, and writes keys to files for it.
    """
    try:
        config = KubeConfig.from_dict(dict(keys)).get(access.context)
        user = msgspec.convert({key: value for key, value in person.items() if key in _SHOWN}, User)
    except (msgspec.MsgspecError, ConfigError, KeyError, TypeError, ValueError) as error:
        raise _unusable(access, error) from error
    if config is None:
        raise _unusable(access, ValueError("it has no context"))
    return config._replace(user=user, cluster=Cluster(server=server, insecure=True))


def _client(access: KubernetesAccess, config: SingleConfig, transport: _Bounded) -> Client:
    try:
        return Client(config, trust_env=False, transport=transport)
    except (ConfigError, httpx2.InvalidURL) as error:
        transport.close()
        raise _unusable(access, error) from error


def _unusable(access: KubernetesAccess, error: Exception) -> CannotAsk:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CannotAsk(
        f"the kubeconfig of {access.origin} cannot be used: {' '.join(why.split())[:120]}",
        hint="`kubectl --kubeconfig FILE get nodes` says whether kubectl can use it",
    )


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# lightkube's own functions for this keep one registry for the whole process, where a user's classes may be too.
@lru_cache
def _global(kind: Kind) -> type[GenericGlobalResource]:
    info = create_api_info(kind.group, kind.version, kind.name, kind.plural)
    return type(kind.name, (GenericGlobalResource,), {"_api_info": info})


@lru_cache
def _namespaced(kind: Kind) -> type[GenericNamespacedResource]:
    info = create_api_info(kind.group, kind.version, kind.name, kind.plural)
    return type(kind.name, (GenericNamespacedResource,), {"_api_info": info})
