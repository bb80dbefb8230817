"""A bench's tailnet: opened when it is first needed, written down for others, and what a node joins it with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import joining as joining_module
from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.config.expect import Expect, TailscaleExpect
from hil.config.model import HostPort
from hil.config.tailnet import TailnetConfig
from hil.errors import InfrastructureError
from hil.images.image import Asset, Image, Ready
from hil.joining import (
    InTailnet,
    Joining,
    Programs,
    in_tailnet,
    is_api_key,
    is_server,
    join_environment,
    read_tailnet,
    who_can_be_asked,
    write_tailnet,
)
from hil.keeper.client import Keeper
from hil.readiness.rounds import Missing
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.http_access import Access
from hil.services.tailnet.private_net import Unavailable
from hil.services.tailnet.tailnet import Tailnet

BENCH = HostPort("10.0.2.100", 8080)
SERVER = "https://10.0.2.100:8443"
PEER = Path("/run/bench/tailscaled.sock")


def image(**more: object) -> Image:
    asset = Asset("kernel", Path("kernel"), "0" * 64, "made up")
    return Image("img", "files", asset, (), (), Ready(), re.compile(b""), **more)  # type: ignore[arg-type]


def headscale(*, by: Path | None = None) -> HeadscaleApi:
    return HeadscaleApi(Access(SERVER, "a certificate", by), "hskey-api-canary")


def tailnet(control: HeadscaleApi | None = None, peer: Path | None = None) -> Tailnet:
    keys = iter(["hskey-auth-1", "hskey-auth-2"])
    return Tailnet(SERVER, "a certificate", control, peer, None, None, lambda hostname: f"{next(keys)}-{hostname}")


@dataclass
class Opened:
    """What opens a tailnet of the bench's own in a test, and how it was asked."""

    found: Tailnet | Unavailable = field(default_factory=tailnet)
    asked: list[dict[str, object]] = field(default_factory=list)

    def open_tailnet(self, *given: object, **more: object) -> Tailnet | Unavailable:
        self.asked.append({"given": given[1:], **more})
        return self.found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    opened = Opened()
    monkeypatch.setattr(joining_module, "open_tailnet", opened.open_tailnet)
    return opened


def no_programs() -> Programs:
    raise InfrastructureError("headscale cannot be built", hint="see")


def both_programs() -> Programs:
    return Programs(Path("headscale"), Path("tailscaled"))


def joining(
    folder: Path, config: TailnetConfig | None = None, programs: Callable[[], Programs] = both_programs
) -> Joining:
    return Joining(cast("Keeper", None), folder, config, BENCH, programs, folder / "tailnet")


def users(*, api_key: bool = True, peer: Path | None = None) -> TailnetConfig:
    secret = SecretText("hskey-auth-canary", "KEY")
    key = SecretText("hskey-api-canary", "API_KEY") if api_key else None
    return TailnetConfig.model_construct(url="https://headscale.example", auth_key=secret, api_key=key, peer=peer)


@pytest.mark.parametrize(
    ("booted", "does"),
    [
        (image(), False),
        (image(expect=Expect()), False),
        (image(tailnet=True), True),
        (image(expect=Expect(tailscale=TailscaleExpect())), True),
    ],
)
def test_who_joins(booted: Image, does: bool) -> None:
    assert booted.joins is does


def test_it_is_opened_once_and_not_before_it_is_needed(tmp_path: Path, opened: Opened) -> None:
    bench = joining(tmp_path)
    nobody = bench.in_tailnet
    assert isinstance(nobody, InTailnet), "nodes of the user's own tree may be in a tailnet that nobody has named"
    assert isinstance(nobody.peer, Missing)
    assert nobody.control == nobody.peer
    assert bench.services == {HostPort("10.0.2.100", 8443): tmp_path / "tailnet.sock"}
    assert opened.asked == []
    assert bench.open() is bench.open() is opened.found
    assert isinstance(bench.in_tailnet, InTailnet)
    [asked] = opened.asked
    assert asked.pop("given") == (tmp_path, HostPort("10.0.2.100", 8443))
    deadline = asked.pop("deadline")
    assert isinstance(deadline, Deadline)
    assert deadline.at_ns is not None
    assert asked == {
        "headscale": Path("headscale"),
        "tailscaled": Path("tailscaled"),
        "record": tmp_path / "tailnet",
    }


def test_a_host_that_allows_none_is_asked_once_and_says_why(tmp_path: Path, opened: Opened) -> None:
    opened.found = Unavailable("no network namespace can be made")
    bench = joining(tmp_path)
    assert bench.open() == bench.open() == bench.in_tailnet == Missing("no network namespace can be made")
    assert len(opened.asked) == 1
    assert read_tailnet(tmp_path) == Missing("the bench has opened no tailnet")


def test_a_program_that_cannot_be_had_is_the_benchs_fault_each_time(tmp_path: Path, opened: Opened) -> None:
    bench = joining(tmp_path, programs=no_programs)
    for _ in range(2):
        with pytest.raises(InfrastructureError, match="headscale cannot be built"):
            bench.open()
    assert opened.asked == []


def test_the_users_own_is_joined_and_needs_no_program(tmp_path: Path, opened: Opened) -> None:
    bench = joining(tmp_path, users(peer=PEER), no_programs)
    assert isinstance(bench.in_tailnet, InTailnet)
    found = bench.open()
    assert isinstance(found, Tailnet)
    assert (found.login_server, found.peer, opened.asked) == ("https://headscale.example", PEER, [])
    assert found.auth_key("n1") == "hskey-auth-canary"
    who = read_tailnet(tmp_path)
    assert isinstance(who, InTailnet)
    assert who.peer == PEER


def test_what_is_written_is_read_by_another_process_of_the_same_user(tmp_path: Path) -> None:
    write_tailnet(tmp_path, tailnet(headscale(by=tmp_path / "tailnet.sock"), PEER))
    found = read_tailnet(tmp_path)
    assert isinstance(found, InTailnet)
    assert found.peer == PEER
    assert isinstance(found.control, HeadscaleApi)
    assert found.control.opening == (Access(SERVER, "a certificate", tmp_path / "tailnet.sock"), "hskey-api-canary")
    assert "canary" not in repr(found)


def test_a_server_that_is_reached_by_itself_is_read_as_such(tmp_path: Path) -> None:
    write_tailnet(tmp_path, tailnet(headscale()))
    found = read_tailnet(tmp_path)
    assert isinstance(found, InTailnet)
    assert isinstance(found.control, HeadscaleApi)
    assert found.control.opening[0].by is None


def test_who_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    write_tailnet(tmp_path, tailnet())
    found = read_tailnet(tmp_path)
    assert found == who_can_be_asked(tailnet())
    assert isinstance(found, InTailnet)
    assert isinstance(found.control, Missing)
    assert f"the control server {SERVER} is not asked: nobody gave a key" in found.control.reason
    assert "api_key" in found.control.hint
    assert isinstance(found.peer, Missing)
    assert "cannot be pinged" in found.peer.reason
    assert "join this host" in found.peer.hint
    nameless = in_tailnet("", None, PEER).control
    assert isinstance(nameless, Missing)
    assert nameless.reason.startswith("the control server is not asked")


class OtherServer:
    """A control server whose kind is not known to be asked by another process."""

    name = "another"

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        return ()


def test_a_control_server_of_another_kind_is_asked_by_this_process_alone(tmp_path: Path) -> None:
    other = Tailnet(SERVER, "", OtherServer(), PEER, None, None, lambda hostname: "key")
    write_tailnet(tmp_path, other)
    assert isinstance(who_can_be_asked(other).control, OtherServer)
    found = read_tailnet(tmp_path)
    assert isinstance(found, InTailnet)
    assert isinstance(found.control, Missing)


KEYS = ["login_server", "peer", "url", "ca_pem", "by", "api_key"]
values = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=3)
written = st.dictionaries(st.sampled_from(KEYS), values | st.text()).map(lambda found: json.dumps(found).encode())


@given(st.binary() | written | values.map(lambda found: json.dumps(found).encode()) | st.just(b"[" * 100_000))
def test_no_bytes_that_are_read_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "tailnet.json").write_bytes(data)
    found = read_tailnet(folder)
    assert isinstance(found, InTailnet | Missing)
    if isinstance(found, InTailnet):
        assert isinstance(found.peer, Path | Missing)
        if isinstance(found.control, HeadscaleApi):
            access, key = found.control.opening
            assert is_server(access.url)
            assert is_api_key(key)
        else:
            assert isinstance(found.control, Missing)


def test_a_node_joins_with_a_key_of_its_own_for_each_boot() -> None:
    given = tailnet()
    first, second = (join_environment(given, "n1", image(tailnet=True)) for _ in range(2))
    assert first == {
        "TS_ENABLE_HEALTH_CHECK": "true",
        "TS_LOCAL_ADDR_PORT": "0.0.0.0:9002",
        "TS_AUTH_ONCE": "true",
        "TS_ENABLE_METRICS": "true",
        "TS_AUTHKEY": "hskey-auth-1-n1",
        "TS_EXTRA_ARGS": f"--login-server={SERVER}",
        "TS_HOSTNAME": "n1",
    }
    assert second["TS_AUTHKEY"] == "hskey-auth-2-n1"


def test_what_the_image_says_besides_comes_along_and_never_in_the_place_of_the_tailnets() -> None:
    said = {"TS_AUTH_ONCE": "false", "TS_ROUTES": "10.0.0.0/8", "TS_AUTHKEY": "old", "TS_HOSTNAME": "old"}
    found = join_environment(tailnet(), "n1", image(extension_configs={"tailscale": said, "hello": {"A": "b"}}))
    assert (found["TS_AUTH_ONCE"], found["TS_ROUTES"]) == ("false", "10.0.0.0/8")
    assert (found["TS_AUTHKEY"], found["TS_HOSTNAME"]) == ("hskey-auth-1-n1", "n1")
    assert "A" not in found


def test_the_images_own_flags_stay_and_cannot_name_another_server() -> None:
    said = {"tailscale": {"TS_EXTRA_ARGS": "--accept-routes --login-server=https://elsewhere"}}
    found = join_environment(tailnet(), "n1", image(extension_configs=said))
    assert found["TS_EXTRA_ARGS"] == f"--accept-routes --login-server=https://elsewhere --login-server={SERVER}"


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("https://headscale.example", True),
        ("http://10.0.0.5:8080/", True),
        ("https://[fd00::5]:443", True),
        ("headscale.example", False),
        ("ftp://headscale.example", False),
        ("https://", False),
        ("https://a..b", False),
        ("https://h:0", False),
        ("https://h:65536", False),
        ("https://h:443\n", False),
        ("https://h/path", False),
        ("", False),
    ],
)
def test_what_can_be_a_server(text: str, can: bool) -> None:
    assert is_server(text) is can


@pytest.mark.parametrize(
    ("text", "can"), [("hskey-api-x_1", True), ("", False), ("a b", False), ("a\n", False), ("ä", False)]
)
def test_what_can_be_a_key(text: str, can: bool) -> None:
    assert is_api_key(text) is can


def test_a_server_that_gives_no_key_is_the_benchs_fault() -> None:
    def refuses(hostname: str) -> str:
        raise InfrastructureError("headscale cannot be asked", hint="look")

    given = Tailnet(SERVER, "", None, None, None, None, refuses)
    with pytest.raises(InfrastructureError, match="cannot be asked"):
        join_environment(given, "n1", image())
