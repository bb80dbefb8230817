"""A small API server of Kubernetes that speaks HTTP on a loopback port: gives the objects that a test puts in.

It knows lists, single objects, field selectors by equality, pages, Status errors and a pod's log; nothing of schemas.
The real API server is in `support.kubernetes`, for the slow tier.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.kinds import Kind

Json = Any
Raw = tuple[int, str, bytes]


@dataclass
class FakeCluster:
    """What the cluster has.

    Args:
        port: of TCP, once it serves.
        kinds: the kinds that it knows, each with its objects by (namespace, name).
        logs: a pod's log, by (namespace, name, container).
        raw: answers of HTTP that come in place of the right ones, by path: status, type of content, body.
        asked: the paths that were asked for.
    """

    port: int = 0
    kinds: dict[Kind, dict[tuple[str, str], Json]] = field(default_factory=dict)
    logs: dict[tuple[str, str, str], str] = field(default_factory=dict)
    raw: dict[str, Raw] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {"Bearer secret"})
    stop: threading.Event = field(default_factory=threading.Event)

    def knows(self, *kinds: Kind) -> None:
        """Kinds of which there may be no object."""
        for kind in kinds:
            self.kinds.setdefault(kind, {})

    def put(self, kind: Kind, item: Json) -> None:
        """An object, in place of one of the same name."""
        meta = item["metadata"]
        self.kinds.setdefault(kind, {})[(meta.get("namespace", ""), meta["name"])] = item

    def forbid(self, kind: Kind, *, verb: str = "list", where: str = " at the cluster scope") -> None:
        """Answer as a cluster does whose roles do not allow it."""
        message = (
            f'{kind} is forbidden: User "reader" cannot {verb} resource "{kind.plural}" in API group "{kind.group}"'
        )
        body = status(403, "Forbidden", message + where)
        self.raw[base(kind)] = (403, "application/json", body)

    def access(self, *, token: str = "secret") -> KubernetesAccess:
        """What opens it."""
        return KubernetesAccess("test", kubeconfig(f"http://127.0.0.1:{self.port}", token=token))


def kubeconfig(server: str, *, token: str = "secret", ca: str = "", extra: Mapping[str, str] | None = None) -> bytes:
    """A kubeconfig of one context (JSON is YAML)."""
    cluster = {"server": server, **({"certificate-authority-data": ca} if ca else {}), **(extra or {})}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
    ).encode()


def base(kind: Kind) -> str:
    """The path of all objects of a kind."""
    group = f"/apis/{kind.group}" if kind.group else "/api"
    return f"{group}/{kind.version}/{kind.plural}"


def status(code: int, reason: str, message: str, **details: str) -> bytes:
    """A Status, as the API says errors."""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return json.dumps({**body, "details": details}).encode()


@contextmanager
def serving(cluster: FakeCluster | None = None) -> Iterator[FakeCluster]:
    """A cluster that serves until the end of the block."""
    served = cluster or FakeCluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one segment: a second one would wait 40 ms for the first one's acknowledgement.
        wbufsize = -1

        def do_GET(self) -> None:
            code, kind, body = _answer(served, self.path, self.headers.get("Authorization", ""))
            self.send_response(code)
            if kind:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(cluster: FakeCluster, path: str, authorization: str) -> Raw:
    there = urlsplit(path)
    query = {key: values[0] for key, values in parse_qs(there.query).items()}
    cluster.asked.append(there.path)
    if authorization not in cluster.tokens:
        return 401, "application/json", status(401, "Unauthorized", "Unauthorized")
    parts = [part for part in there.path.split("/") if part]
    namespace = ""
    if "namespaces" in parts:
        at = parts.index("namespaces")
        namespace = parts[at + 1]
        del parts[at : at + 2]
    if parts[-1] == "log":
        return _log(cluster, namespace, parts[-2], query.get("container", ""))
    for kind, objects in list(cluster.kinds.items()):  # a test may change it meanwhile
        head = [part for part in base(kind).split("/") if part]
        if parts[: len(head)] == head:
            if base(kind) in cluster.raw:
                return cluster.raw[base(kind)]
            if len(parts) == len(head):
                return _list(kind, objects, namespace, query)
            return _one(kind, objects, namespace, parts[-1])
    return cluster.raw.get(there.path) or (404, "text/plain; charset=utf-8", b"404 page not found\n")


def _one(kind: Kind, objects: dict[tuple[str, str], Json], namespace: str, name: str) -> Raw:
    if (item := objects.get((namespace, name))) is not None:
        return 200, "application/json", json.dumps(item).encode()
    message = f'{kind} "{name}" not found'
    return 404, "application/json", status(404, "NotFound", message, name=name, kind=kind.plural, group=kind.group)


def _list(kind: Kind, objects: dict[tuple[str, str], Json], namespace: str, query: Mapping[str, str]) -> Raw:
    chosen = [item for key, item in list(objects.items()) if not namespace or key[0] == namespace]
    keep = _selector(query.get("fieldSelector", ""))
    chosen = [item for item in chosen if keep(item)]
    start, limit = int(query.get("continue", "0")), int(query.get("limit", "0")) or len(chosen)
    rest = str(start + limit) if start + limit < len(chosen) else ""
    body = {"kind": f"{kind.name}List", "metadata": {"continue": rest}, "items": chosen[start : start + limit]}
    return 200, "application/json", json.dumps(body).encode()


def _selector(text: str) -> Callable[[Json], bool]:
    wanted = [part.replace("==", "=").split("=") for part in text.split(",") if part]

    def keep(item: Json) -> bool:
        for path, value in wanted:
            there = item
            for key in path.split("."):
                there = there.get(key, {}) if isinstance(there, dict) else {}
            if there != value:
                return False
        return True

    return keep


def _log(cluster: FakeCluster, namespace: str, name: str, container: str) -> Raw:
    return 200, "text/plain", cluster.logs.get((namespace, name, container), "").encode()
