"""The real Kubernetes API server on loopback ports, with Debian's etcd behind it: for the slow tier.

What a cluster has besides it (scheduler, controllers, kubelets) a test plays by the same API. Who opens an
`ApiServer` closes it, and nothing of it stays.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from ruamel.yaml import YAML
from support.kubernetes_pki import Authority, new_authority, new_key

from hil.clock import Deadline, hold
from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.kinds import Kind
from hil.shipped import shipped
from hil.tools import host, packages
from hil.tools.cache import Cache
from hil.tools.gobuild import Service, build
from hil.tools.progress import quiet

Json = Any

VERSION = "v1.34.4"
KUBE_APISERVER = Service(
    name="kube-apiserver",
    version=VERSION,
    package="k8s.io/kubernetes/cmd/kube-apiserver",
    stamps=(f"k8s.io/component-base/version.gitVersion={VERSION}",),
    takes="five to ten minutes",
)
GUEST_SEES = "10.0.2.100"
"""The bench's address in QEMU's user network. The server's certificate names it: a guest comes by a relay."""

_BUILT_WITHIN = 3600.0
_STARTS_WITHIN = 180.0
_ENDS_WITHIN = 30.0


def programs() -> tuple[Path, Path]:
    """etcd and the API server, fetched and built if they are not in the cache."""
    cache = Cache()
    within = Deadline.after(_BUILT_WITHIN)
    here = host.distribution()
    recipe = packages.Recipe("etcd", here.codename, "native", packages.named("etcd-server"), _etcd)
    etcd = packages.obtain(recipe, cache, progress=quiet, deadline=within) / "usr/bin/etcd"
    return etcd, build(KUBE_APISERVER, cache, progress=quiet, deadline=within)


@dataclass(frozen=True)
class ApiServer:
    """An API server that runs.

    Args:
        port: of TLS on 127.0.0.1.
        authority: its CA.
    """

    port: int
    authority: Authority

    def access(self, token: str = "admin", *, authority: Authority | None = None) -> KubernetesAccess:
        """What opens it for whom a token stands for; of another CA's cluster, if one is given."""
        return KubernetesAccess("test", kubeconfig(self.port, (authority or self.authority).certificate, token))

    def ask(self, method: str, path: str, body: Json = None, *, kind: str = "application/json") -> Json:
        """One request of the administrator's; fails with the server's own words.

        Args:
            method: of HTTP.
            path: of the API.
            body: sent as JSON.
            kind: of the body, as "application/merge-patch+json".
        """
        answer = self._send(method, path, body, kind)
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')}")
        return json.loads(answer.data) if answer.data else None

    def make(self, kind: Kind, item: Mapping[str, Json]) -> None:
        """An object with its status, in place of one of the same name."""
        metadata = item["metadata"]
        one = f"{base(kind, metadata.get('namespace', ''))}/{metadata['name']}"
        group = f"{kind.group}/{kind.version}" if kind.group else kind.version
        whole = {**item, "apiVersion": group, "kind": kind.name}
        self._send("DELETE", f"{one}?gracePeriodSeconds=0", None, "application/json")
        made = self.ask("POST", base(kind, metadata.get("namespace", "")), whole)
        if status := item.get("status"):
            self.patch_status(kind, metadata["name"], status, namespace=metadata.get("namespace", ""))
        assert made["metadata"]["name"] == metadata["name"]

    def patch_status(self, kind: Kind, name: str, status: Json, *, namespace: str = "") -> None:
        """Change an object's status, as its controller does."""
        self.patch(kind, f"{name}/status", {"status": status}, namespace=namespace)

    def patch(self, kind: Kind, name: str, change: Json, *, namespace: str = "") -> None:
        """Change an object by a merge patch (RFC 7386)."""
        self.ask("PATCH", f"{base(kind, namespace)}/{name}", change, kind="application/merge-patch+json")

    def delete(self, kind: Kind, name: str, *, namespace: str = "") -> None:
        """Delete an object at once."""
        self.ask("DELETE", f"{base(kind, namespace)}/{name}?gracePeriodSeconds=0")

    def install(self, *names: str) -> None:
        """CRDs of fixtures/kubernetes, by file name without .yaml; returns when their kinds are served."""
        for name in names:
            item = YAML(typ="safe").load((shipped("fixtures") / "kubernetes" / f"{name}.yaml").read_bytes())
            self.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", item)
            spec = item["spec"]
            served = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
            until(lambda path=served: self._send("GET", path, None, "").status == 200, f"{served} is served")

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return self._send("GET", "/readyz", None, "").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _send(self, method: str, path: str, body: Json, kind: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": "Bearer admin", **({"Content-Type": kind} if body is not None else {})}
        data = None if body is None else json.dumps(body).encode()
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, ca_cert_data=self.authority.certificate.decode(), timeout=30.0, retries=False
        ) as pool:
            return pool.request(method, path, body=data, headers=headers)


@contextmanager
def api_server(
    folder: Path, *, authority: Authority | None = None, tokens: Mapping[str, tuple[str, str]] | None = None
) -> Iterator[ApiServer]:
    """An API server that runs until the end of the block.

    Args:
        folder: for its data, logs and keys.
        authority: its CA; None for one of its own.
        tokens: what is let in besides the token `admin`: by token, the user and the group that it stands for.
    """
    etcd, apiserver = programs()
    folder.mkdir(parents=True, exist_ok=True)
    client, peer, port = _free_ports(3)
    served = ApiServer(port, authority or new_authority())
    with ExitStack() as stack:
        urls = [f"http://127.0.0.1:{one}" for one in (client, peer)]
        stack.enter_context(_running([etcd, *_etcd_words(folder / "etcd", *urls)], folder / "etcd.log"))
        words = [apiserver, *_words(folder, served, urls[0], tokens or {})]
        process = stack.enter_context(_running(words, folder / "kube-apiserver.log"))

        def ready() -> bool:
            assert process.poll() is None, (folder / "kube-apiserver.log").read_text()[-3000:]
            return served.ready()

        until(ready, "the API server is ready")
        yield served


def base(kind: Kind, namespace: str = "") -> str:
    """The path of the objects of a kind."""
    group = f"/apis/{kind.group}" if kind.group else "/api"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}/{kind.version}{where}/{kind.plural}"


def kubeconfig(port: int, ca: bytes, token: str) -> bytes:
    """A kubeconfig for one who has a token."""
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(ca).decode(),
    }
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


def until(holds: Callable[[], bool], what: str | Callable[[], object], *, within: float = _STARTS_WITHIN) -> None:
    """Wait for something that can be looked at.

    Args:
        holds: whether it is there.
        what: it is, in words; or gives what is there in its place.
        within: seconds.
    """
    deadline = Deadline.after(within)
    while not holds():
        assert not deadline.expired, f"waited {within:g} s, and not: {what if isinstance(what, str) else what()}"
        hold(0.1)


def _etcd(paths: Iterable[str]) -> list[str]:
    if "usr/bin/etcd" not in set(paths):
        raise LookupError("usr/bin/etcd")
    return ["usr/bin/etcd"]


def _etcd_words(data: Path, client: str, peer: str) -> list[str]:
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _words(folder: Path, served: ApiServer, etcd: str, tokens: Mapping[str, tuple[str, str]]) -> list[str]:
    """The arguments of the API server; it wants all that it is to keep secret in files."""
    crt, key = served.authority.issue("kube-apiserver", addresses=["127.0.0.1", GUEST_SEES])
    people = {"admin": ("admin", "system:masters"), **tokens}
    rows = [f'{token},{user},{user},"{group}"' for token, (user, group) in people.items()]
    files = {
        "ca.crt": served.authority.certificate,
        "server.crt": crt,
        "server.key": key,
        "accounts.key": new_key(),
        "tokens.csv": "\n".join(rows).encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={served.port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        # A pod needs no service account where no controller makes one.
        "--disable-admission-plugins=ServiceAccount",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--enable-priority-and-fairness=false",
        "--endpoint-reconciler-type=none",
    ]


@contextmanager
def _running(words: list[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as file,
        subprocess.Popen(words, stdout=file, stderr=file, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]
