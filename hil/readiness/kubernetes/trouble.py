"""Why a cluster could not be asked, in words, and what to do. Asks nothing.

None of it says anything of a node: who is refused, or reaches nobody, knows nothing. So each is an error of the
asking, and the conditions are unknown.
"""

from __future__ import annotations

import json
import re

from hil.errors import InfrastructureError
from hil.readiness.kubernetes.fields import line, text
from hil.readiness.kubernetes.kinds import Kind

# k8s.io/apiserver v0.34.4, pkg/endpoints/handlers/responsewriters/errors.go: forbiddenMessage.
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?P<scope> at the cluster scope| in the namespace "[^"]*")?'
)


class CannotAsk(InfrastructureError):
    """The cluster gave no answer that could be used."""


class NoSuchKind(CannotAsk):
    """The cluster answered: it knows no objects of that kind. Whoever expects them learns that they are absent."""


class NotLetIn(CannotAsk):
    """Whoever asked is nobody to the cluster; a credential that has expired may be had anew."""


def refused(place: str, kind: Kind, status: int, body: bytes) -> CannotAsk:
    """An answer that is an error of HTTP.

    Args:
        place: who answered, as "https://10.0.0.1:6443".
        kind: what was asked for.
        status: of HTTP.
        body: what came with it, a Status object where the API itself answered.
    """
    said = _status(body)
    if status == 401:
        return NotLetIn(
            f"{place} does not accept these credentials (401)",
            hint="the kubeconfig is of another cluster, or has expired: take it anew",
        )
    if status == 403:
        return _forbidden(place, kind, line(said, "message"))
    if status == 404:
        return NoSuchKind(
            f"{kind.name} is no kind of this cluster: it has no {kind}", hint="install what brings this kind, or wait"
        )
    words = line(said, "message") or "with no word of why"
    return CannotAsk(f"{place} answered {status} when asked for {kind}: {words}", hint="read the API server's log")


def object_absent(body: bytes) -> bool:
    """Whether an answer 404 is of one object, and not of a kind that the cluster does not know.

    Only the former has the object's name in its details (apimachinery, api/errors: NewNotFound).
    """
    said = _status(body)
    return text(said, "reason") == "NotFound" and text(said, "details", "name") != ""


def _forbidden(place: str, kind: Kind, message: str) -> CannotAsk:
    found = _FORBIDDEN.search(message)
    if found is None:
        return CannotAsk(
            f"{place} forbids asking for {kind} (403){f': {message}' if message else ''}",
            hint=f"give the user of this kubeconfig the rights get and list on {kind}",
        )
    scope = (found["scope"] or "").strip()
    group = found["group"] or ""
    right = f"{found['verb']} {found['resource']}{f'.{group}' if group else ''}"
    return CannotAsk(
        f"no permission to {right}{f' {scope}' if scope else ''} (403, as {found['user']})",
        hint=f"give {found['user']} a role with the verb {found['verb']} on {found['resource']}",
    )


def no_answer(place: str, failure: BaseException) -> CannotAsk:
    """Nobody answered: words by what the connection said of it.

    Args:
        place: who was asked.
        failure: what httpx, `ssl` or the system raised.
    """
    words = _chain(failure)
    if "CERTIFICATE_VERIFY_FAILED" in words:
        why = re.search(r"certificate verify failed: (.*?)(?: \(_ssl|$)", words)
        return CannotAsk(
            f"{place} shows a certificate that this kubeconfig does not trust ({why[1] if why else 'unknown'})",
            hint="the kubeconfig is of another cluster, or its certificate-authority is an old one: take it anew",
        )
    if "SSL" in words or "TLS" in words:
        return CannotAsk(f"{place} does not speak TLS as it should: {words}", hint="see that this is an API server")
    if "refused" in words.lower():
        return CannotAsk(f"{place} refuses connections: no API server listens there", hint="wait, or see that it runs")
    if "timed out" in words.lower() or "time is up" in words.lower():
        return CannotAsk(f"{place} did not answer in time", hint="see that the API server runs and is reachable")
    return CannotAsk(f"{place} could not be asked: {words}", hint="see that the API server runs and is reachable")


def not_understood(place: str, kind: Kind, why: str) -> CannotAsk:
    """Somebody answered, and what came is nothing that Kubernetes says."""
    return CannotAsk(
        f"{place} gave no answer of Kubernetes when asked for {kind}: {why}",
        hint="see that the server of the kubeconfig is an API server, and not a proxy's page",
    )


def _chain(failure: BaseException) -> str:
    """What an error says, or else its cause, on one line."""
    seen: BaseException | None = failure
    while seen is not None:
        if words := " ".join(str(seen).split()):
            return words[:200]
        seen = seen.__cause__ or seen.__context__
    name = type(failure).__name__
    return "timed out" if "Timeout" in name else name


def _status(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
