"""Networks of the cluster, of the tailnet, and routes that are advertised to it."""

from __future__ import annotations

import pytest

from hil.config.source import Place
from hil.lint import networks
from hil.lint.documents import read
from hil.lint.finding import Finding, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def found(
    pods: str = "10.244.0.0/16", services: str = "10.96.0.0/12", environment: str = "[TS_HOSTNAME=a]"
) -> list[Finding]:
    text = f"""\
cluster:
  network:
    podSubnets: [{pods}]
    serviceSubnets: [{services}]
---
kind: ExtensionServiceConfig
name: tailscale
environment: {environment}
"""
    return list(networks.check(read("node.yaml", text.encode()).documents))


def test_the_default_networks_are_right() -> None:
    assert found(environment="[TS_ROUTES=192.168.7.0/24,fd00:1::/64, TS_AUTHKEY=tskey-a]") == []
    assert found(pods="10.244.0.0/16, fc00:db8:10::/56", services="10.96.0.0/12, fc00:db8:20::/112") == []


@pytest.mark.parametrize("pods", ["100.64.0.0/10", "100.127.255.0/24", "100.0.0.0/8", "fd7a:115c:a1e0::/64"])
def test_a_cluster_s_network_within_the_tailnet(pods: str) -> None:
    (one,) = found(pods=pods)
    assert (one.severity, one.rule, one.place) == (ERROR, "tailnet", Place(3, 18))
    assert "(pods)" in one.message
    assert one.words == pods


def test_without_tailscale_it_is_a_warning() -> None:
    documents = read("node.yaml", b"cluster: {network: {podSubnets: [100.64.0.0/16]}}\n").documents
    (one,) = networks.check(documents)
    assert one.severity is WARNING


@pytest.mark.parametrize("pods", ["100.63.0.0/16", "100.128.0.0/16", "fd7a:115c:a1e1::/48"])
def test_a_network_beside_the_tailnet(pods: str) -> None:
    assert found(pods=pods) == []


def test_networks_of_the_cluster_that_overlap() -> None:
    (one,) = found(pods="10.100.0.0/16")
    assert (one.severity, one.rule, one.place.line) == (ERROR, "subnet", 4)
    assert "10.96.0.0/12 (services) overlaps 10.100.0.0/16 (pods) in line 3" in one.message


@pytest.mark.parametrize("text", ["10.2444.0.0/16", "10.244.0.0/33", "pods", "''"])
def test_what_is_no_network(text: str) -> None:
    (one,) = found(pods=text)
    assert (one.severity, one.rule) == (ERROR, "subnet")


def test_host_bits_of_a_cluster_s_network_are_cut_as_kubernetes_does() -> None:
    assert found(pods="10.244.7.1/16") == []


@pytest.mark.parametrize(
    "environment",
    [
        "[TS_ROUTES=100.100.0.0/24]",
        "[TS_EXTRA_ARGS=--accept-dns --advertise-routes=100.100.0.0/24 --ssh]",
        "[TS_EXTRA_ARGS=-advertise-routes 100.100.0.0/24]",
    ],
)
def test_a_route_into_the_tailnet(environment: str) -> None:
    (one,) = found(environment=environment)
    assert (one.severity, one.rule, one.place.line) == (ERROR, "tailnet", 8)
    assert "100.100.0.0/24" in one.message
    assert one.words.endswith("=...")


@pytest.mark.parametrize(
    ("route", "severity", "words"),
    [
        ("10.0.0.0/8", WARNING, "overlaps 10.96.0.0/12 (services)"),
        ("10.240.0.0/12", WARNING, "overlaps 10.244.0.0/16 (pods)"),
        ("10.244.0.0/16", NOTE, "overlaps 10.244.0.0/16 (pods)"),
        ("10.244.3.0/24", NOTE, "overlaps 10.244.0.0/16 (pods)"),
        ("10.244.3.1/24", ERROR, "10.244.3.1/24 has host bits"),
        ("10.244.3/24", ERROR, "'10.244.3/24' is not a route"),
        ("home", ERROR, "one entry is not a route"),
    ],
)
def test_a_route_over_the_cluster(route: str, severity: Severity, words: str) -> None:
    one = next(item for item in found(environment=f"[TS_ROUTES={route}]") if words in item.message)
    assert (one.severity, one.rule) == (severity, "advertised-route")


@pytest.mark.parametrize("routes", ["0.0.0.0/0,::/0", "192.168.7.1", "192.168.7.1/32", "FD00::/64", ""])
def test_routes_that_clash_with_nothing(routes: str) -> None:
    assert found(environment=f"['TS_ROUTES={routes}']") == []


def test_other_extensions_have_no_routes() -> None:
    text = b"kind: ExtensionServiceConfig\nname: other\nenvironment: [TS_ROUTES=100.64.0.0/10]\n"
    assert list(networks.check(read("node.yaml", text).documents)) == []


def test_no_key_is_shown() -> None:
    (one,) = found(environment="[TS_EXTRA_ARGS=--auth-key=tskey-secret --advertise-routes=100.64.0.0/24]")
    assert "tskey" not in repr(one)
