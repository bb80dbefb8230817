"""Each thing that can go wrong in reaching Talos has its own words, and leaves nothing known of the node."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from readiness.talos.conftest import QUICK, Asks
from support import strangers
from support.fake_talos import FakeTalos
from support.talos_pki import HOUR, YEAR, Cluster, Pair, self_signed

from hil.clock import Deadline
from hil.errors import InfrastructureError, NodeError, UsageError
from hil.readiness.talos.access import Access
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.channel import KeptChannel
from hil.readiness.talos.observation import Mode, Unknown
from hil.readiness.talos.trouble import Kind, Trouble

SOON = 30.0
IMPATIENT = replace(QUICK, one_try=0.5)
NOW = datetime.now(UTC)
TCP_CLOSE = 7  # Linux, include/net/tcp_states.h


def trouble(api: TalosApi, *, within: float = SOON) -> Trouble:
    found = api.observe(Deadline.after(within))
    assert found.mode is Mode.UNREACHABLE
    assert isinstance(found.status, Unknown)
    assert found.trouble is not None
    assert found.status.why == found.trouble.short
    return found.trouble


def passing(api: TalosApi) -> Trouble:
    """What is wrong after the first try, that is waited for in vain where time may heal it."""
    deadline = Deadline.after(SOON)
    while api.latest is None:
        assert not deadline.expired
        api.wait_for_change(deadline)
    found = trouble(api, within=0.0)
    assert found.passing
    return found


@pytest.fixture
def tls(tmp_path: Path, cluster: Cluster) -> ssl.SSLContext:
    """TLS as the node speaks it, for a stranger."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.server().write(tmp_path, "stranger"))
    return context


@pytest.fixture
def apid(tls: ssl.SSLContext, cluster: Cluster) -> Iterator[int]:
    """What takes the cluster's client certificates alone; unlike asyncio's it says by an alert why not another."""
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(cadata=cluster.ca.crt.decode())
    with strangers.stranger(strangers.silent, tls) as port:
        yield port


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_nothing_listens(asks: Asks) -> None:
    found = passing(asks(closed_port()))
    assert found.kind is Kind.REFUSED
    assert "refuses the connection: nothing listens there, or not yet" in found.message


def test_takes_the_connection_and_says_nothing(asks: Asks) -> None:
    with strangers.stranger(strangers.silent) as port:
        found = passing(asks(port, patience=IMPATIENT))
    assert found.kind is Kind.SILENT
    assert "takes the connection and then says nothing: a forwarded port does so" in found.message


def test_hangs_up(asks: Asks) -> None:
    with strangers.stranger(strangers.hangs_up) as port:
        found = passing(asks(port))
    assert found.kind is Kind.LOST
    assert "ended the connection during the TLS handshake" in found.message
    assert "()" not in found.message


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff" * 40])
def test_no_tls(asks: Asks, said: bytes) -> None:
    with strangers.stranger(strangers.says(said)) as port:
        found = trouble(asks(port))
    assert found.kind is Kind.NOT_TLS
    assert "does not speak TLS, so it is not Talos's API: it says '" in found.message
    if said.startswith(b"SSH"):
        assert "'SSH-2.0-OpenSSH_9.2'" in found.message


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"hello\n"])
def test_tls_without_http2(asks: Asks, tls: ssl.SSLContext, said: bytes) -> None:
    with strangers.stranger(strangers.says(said), tls) as port:
        found = trouble(asks(port))
    assert found.kind is Kind.NOT_HTTP2
    assert "speaks TLS but not HTTP/2" in found.message


def test_http2_without_grpc(asks: Asks, tls: ssl.SSLContext) -> None:
    with strangers.stranger(strangers.web_server, tls) as port:
        found = trouble(asks(port))
    assert found.kind is Kind.NOT_GRPC
    assert "speaks HTTP/2 but not gRPC" in found.message


def test_tls_and_then_nothing(asks: Asks, tls: ssl.SSLContext) -> None:
    with strangers.stranger(strangers.silent, tls) as port:
        found = passing(asks(port, patience=IMPATIENT))
    assert found.kind is Kind.STALLED
    assert "speaks TLS, but Talos behind it does not answer a question" in found.message


def test_tls_1_2_alone(asks: Asks, tls: ssl.SSLContext) -> None:
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with strangers.stranger(strangers.silent, tls) as port:
        found = trouble(asks(port))
    assert found.kind is Kind.OLD_TLS
    assert "speaks TLS 1.2 and not 1.3; Talos's API speaks TLS 1.3" in found.message


def test_another_cluster_s_talosconfig(asks: Asks, apid: int) -> None:
    other = Cluster()
    found = trouble(asks(apid, other.client("os:admin"), of=other))
    assert found.kind is Kind.OTHER_CLUSTER
    assert "is not signed by the CA of context 'test' of " in found.message
    assert "signed by O=talos, for 127.0.0.1, localhost" in found.message
    assert isinstance(found.error("node1"), UsageError)


def test_another_cluster_s_talosconfig_where_none_is_required(asks: Asks, maintained: FakeTalos) -> None:
    maintained.be("running")
    assert trouble(asks(maintained.port)).kind is Kind.OTHER_CLUSTER


def test_a_client_certificate_of_another_ca(asks: Asks, apid: int) -> None:
    found = trouble(asks(apid, Cluster().client("os:admin")))
    assert found.kind is Kind.CLIENT_REFUSED
    assert "refuses the client certificate of context 'test' of " in found.message


def _wait_for_its_reset(channel: KeptChannel) -> None:
    """Leave the loop no time to read what came before the reset."""
    there = channel._there.connection._transport.get_extra_info("socket")
    deadline = Deadline.after(SOON)
    while there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_CLOSE:
        assert not deadline.expired
        time.sleep(0.001)


@pytest.mark.parametrize("kind", [Kind.CLIENT_REFUSED, Kind.CLIENT_NEEDED, Kind.OTHER_CLUSTER])
def test_a_refusal_is_heard_though_it_comes_before_the_first_question_is_written(
    asks: Asks, apid: int, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    opens = KeptChannel.open

    async def opens_long(channel: KeptChannel) -> None:
        await opens(channel)
        _wait_for_its_reset(channel)

    monkeypatch.setattr(KeptChannel, "open", opens_long)
    other = Cluster()
    client = None if kind is Kind.CLIENT_NEEDED else other.client("os:admin")
    api = asks(apid, client, **({"of": other} if kind is Kind.OTHER_CLUSTER else {}))
    assert trouble(api).kind is kind


def test_a_certificate_that_is_for_servers(asks: Asks, cluster: Cluster, apid: int) -> None:
    found = trouble(asks(apid, cluster.client("os:admin", usage="server")))
    assert found.kind is Kind.CLIENT_REFUSED


def test_no_client_certificate_where_one_is_required(asks: Asks, apid: int) -> None:
    found = trouble(asks(apid, None))
    assert found.kind is Kind.CLIENT_NEEDED
    assert "asked without a talosconfig, as one asks a node in maintenance mode" in found.message


def test_an_expired_client_certificate(asks: Asks, cluster: Cluster, apid: int) -> None:
    expired = cluster.client("os:admin", since=NOW - YEAR, until=NOW - HOUR)
    found = trouble(asks(apid, expired))
    assert found.kind is Kind.CLIENT_EXPIRED
    assert "the client certificate of the talosconfig expired at 20" in found.message


def test_a_node_whose_clock_refuses_a_valid_client_certificate(
    asks: Asks, cluster: Cluster, apid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cluster.client("os:admin", since=NOW - YEAR, until=NOW - HOUR)
    monkeypatch.setattr("hil.readiness.talos.words.now", lambda: NOW - 2 * HOUR)
    found = trouble(asks(apid, refused))
    assert found.kind is Kind.NODE_CLOCK
    assert "which hold by this host's clock" in found.message
    assert "its own certificate it made at" in found.message


def test_a_server_certificate_of_long_ago(asks: Asks, tmp_path: Path, cluster: Cluster) -> None:
    old = cluster.server(since=NOW - YEAR, until=NOW - YEAR + 24 * HOUR)
    with FakeTalos(tmp_path, cluster, old) as talos:
        found = trouble(asks(talos.port))
    assert found.kind is Kind.NODE_CLOCK
    assert "clock skew: the node's clock is wrong: " in found.message
    assert "so the node is at least 364 days behind" in found.message


def test_a_server_certificate_that_ended_just_now(asks: Asks, tmp_path: Path) -> None:
    cluster = Cluster(NOW - YEAR)
    # From now, not from when this module was loaded: a long run of tests may be between.
    ended = cluster.server(since=NOW - 30 * HOUR, until=datetime.now(UTC) - 6 * HOUR)
    with FakeTalos(tmp_path, cluster, ended) as talos:
        found = trouble(asks(talos.port, cluster.client("os:admin"), of=cluster))
    assert found.kind is Kind.SERVER_EXPIRED
    assert "the node's clock is 6 hours behind, or this host's as much ahead" in found.message


def test_a_server_certificate_of_the_future(asks: Asks, tmp_path: Path, cluster: Cluster) -> None:
    with FakeTalos(tmp_path, cluster, cluster.server(since=datetime.now(UTC) + 50 * HOUR)) as talos:
        found = trouble(asks(talos.port))
    assert found.kind is Kind.NODE_CLOCK
    assert "the node's clock is at least 2 days ahead, or this host's is as much behind" in found.message


def test_a_host_before_its_talosconfig(asks: Asks, tmp_path: Path) -> None:
    cluster = Cluster(NOW + 50 * HOUR)
    with FakeTalos(tmp_path, cluster, cluster.server()) as talos:
        found = trouble(asks(talos.port, cluster.client("os:admin"), of=cluster))
    assert found.kind is Kind.HOST_CLOCK
    assert "this host's clock is wrong: it says 20" in found.message


def test_a_certificate_for_other_addresses(asks: Asks, tmp_path: Path, cluster: Cluster) -> None:
    with FakeTalos(tmp_path, cluster, cluster.server(("10.0.2.15", "node1"))) as talos:
        found = trouble(asks(talos.port))
        assert found.kind is Kind.OTHER_NAME
        assert "not for that address: it is for 10.0.2.15, node1" in found.message
        through_a_door = asks(talos.port, forwarded=True).observe(Deadline.after(SOON))
    assert through_a_door.mode is Mode.CONFIGURED


@pytest.mark.parametrize("linked", [True, False])
def test_a_strange_ca_is_seen_before_a_strange_address(asks: Asks, tmp_path: Path, linked: bool) -> None:
    cluster, other = Cluster(linked=linked), Cluster(linked=linked)
    with FakeTalos(tmp_path, None, cluster.server(("10.0.2.15",))) as talos:
        assert trouble(asks(talos.port, other.client("os:admin"), of=other)).kind is Kind.OTHER_CLUSTER


def test_a_door_does_not_let_another_ca_through(asks: Asks, apid: int) -> None:
    other = Cluster()
    assert trouble(asks(apid, other.client("os:admin"), of=other, forwarded=True)).kind is Kind.OTHER_CLUSTER


def test_another_key_than_the_pinned_one(asks: Asks, maintained: FakeTalos) -> None:
    pin = Certificate.from_pem(self_signed().crt).fingerprint
    found = trouble(asks(maintained.port, None, fingerprint=pin, patience=IMPATIENT))
    assert found.kind is Kind.OTHER_KEY
    assert f", and not {pin}: another machine answers there" in found.message
    with_talosconfig = trouble(asks(maintained.port, fingerprint=pin, patience=IMPATIENT))
    assert with_talosconfig.kind is Kind.OTHER_KEY


def test_a_node_that_has_got_its_configuration_since_its_key_was_read(asks: Asks, apid: int) -> None:
    pin = Certificate.from_pem(self_signed().crt).fingerprint
    assert trouble(asks(apid, None, fingerprint=pin)).kind is Kind.CLIENT_NEEDED
    other = Cluster()
    assert trouble(asks(apid, other.client("os:admin"), of=other, fingerprint=pin)).kind is Kind.OTHER_CLUSTER


def test_a_node_that_leaves_maintenance_mode_just_now(
    asks: Asks, maintained: FakeTalos, apid: int, talos: FakeTalos
) -> None:
    with strangers.stranger(strangers.leads_to(maintained.port, apid, talos.port)) as port:
        found = asks(port).observe(Deadline.after(SOON))
    assert (found.mode, found.trouble) == (Mode.CONFIGURED, None)


def test_a_stranger_that_says_nothing_more_may_be_booting(asks: Asks, tls: ssl.SSLContext) -> None:
    other = Cluster()
    with strangers.stranger(strangers.hangs_up, tls) as port:
        found = passing(asks(port, other.client("os:admin"), of=other))
    assert found.kind is Kind.LOST


def test_a_key_that_does_not_fit(asks: Asks, talos: FakeTalos, admin: Pair) -> None:
    found = trouble(asks(talos.port, Pair(admin.certificate, self_signed().key)))
    assert found.kind is Kind.CLIENT_UNUSABLE
    assert "`crt` and `key` do not belong together" in found.message


def test_a_name_that_does_not_resolve(asks: Asks) -> None:
    found = trouble(asks(50000, host="nowhere.invalid"))
    assert found.kind is Kind.NO_NAME
    assert "cannot resolve the name" in found.message


def test_no_route(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(host: str, port: int) -> socket.socket:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr("hil.readiness.talos.channel._connect", unreachable)
    found = passing(asks(50000))
    assert found.kind is Kind.NO_ROUTE
    assert "there is no route to 127.0.0.1:50000 (No route to host)" in found.message


def test_a_certificate_without_a_role(asks: Asks, cluster: Cluster, talos: FakeTalos) -> None:
    from grpclib.const import Status
    from grpclib.exceptions import GRPCError

    talos.said.refuse["all"] = GRPCError(Status.PERMISSION_DENIED, "no access")
    found = asks(talos.port, cluster.client()).observe(Deadline.after(SOON))
    assert found.mode is Mode.CONFIGURED
    assert found.trouble is not None
    assert found.trouble.kind is Kind.FORBIDDEN
    assert "that needs os:reader, and the client certificate has no role" in found.trouble.message


def test_a_reader_may_not_reboot(asks: Asks, cluster: Cluster, talos: FakeTalos) -> None:
    api = asks(talos.port, cluster.client("os:reader"))
    with pytest.raises(UsageError, match="needs os:operator, and the talosconfig's role is os:reader") as caught:
        api.reboot(Deadline.after(SOON))
    assert (
        caught.value.hint == "take a talosconfig with os:operator: `talosctl config new --roles os:operator` as an"
        " admin makes one"
    )
    with pytest.raises(UsageError, match="that needs os:admin, and the talosconfig's role is os:reader"):
        api.machine_config(Deadline.after(SOON))
    assert isinstance(api.observe(Deadline.after(SOON)).boot_id, Unknown)


def test_a_closed_door_is_the_bench_s_fault() -> None:
    def reach() -> Access:
        raise InfrastructureError("the door of node1 is shut", hint="open it")

    with TalosApi("node1", reach, QUICK) as api:
        assert passing(api).kind is Kind.NO_DOOR
        with pytest.raises(InfrastructureError, match="the door of node1 is shut"):
            api.dmesg(Deadline.after(0))


def test_single_questions_fail_with_the_same_words(asks: Asks) -> None:
    api = asks(closed_port())
    passing(api)
    with pytest.raises(NodeError, match=r"node1: 127.0.0.1:\d+ refuses the connection"):
        api.dmesg(Deadline.after(0))
    with strangers.stranger(strangers.says(b"SSH-2.0-x\n")) as port, pytest.raises(NodeError, match="not speak TLS"):
        asks(port).events(Deadline.after(SOON))


def test_no_message_shows_a_key(asks: Asks, talos: FakeTalos, admin: Pair) -> None:
    found = trouble(asks(talos.port, Pair(admin.certificate, self_signed().key)))
    assert "PRIVATE" not in str(found)
