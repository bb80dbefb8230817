"""What stands around a node that is asked: who in its tailnet, and where its ports are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.checking import around as checking_around
from hil.checking.around import Around
from hil.clock import Deadline
from hil.errors import UsageError
from hil.joining import InTailnet, write_tailnet
from hil.readiness.rounds import Missing
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.http_access import Access
from hil.services.tailnet.tailnet import Tailnet

SERVER = "https://headscale.example"


@pytest.fixture(autouse=True)
def no_tailscale_on_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this host's own tailscaled would have its socket."""
    monkeypatch.setattr(checking_around, "HOST_PEER", tmp_path / "host.sock")
    monkeypatch.delenv("HEADSCALE_API_KEY", raising=False)
    return tmp_path / "host.sock"


def who(around: Around) -> InTailnet:
    found = around.in_tailnet()
    assert isinstance(found, InTailnet)
    return found


def a_bench(folder: Path) -> Path:
    control = HeadscaleApi(Access("https://10.0.2.100:8443", "a certificate", folder / "tailnet.sock"), "key")
    write_tailnet(folder, Tailnet("https://10.0.2.100:8443", "", control, folder / "peer.sock", None, None, str))
    return folder


def test_of_a_node_of_no_bench_nobody_is_known_but_this_hosts_own_tailscaled(no_tailscale_on_this_host: Path) -> None:
    nobody = who(Around())
    assert isinstance(nobody.control, Missing)
    assert isinstance(nobody.peer, Missing)
    no_tailscale_on_this_host.touch()
    assert who(Around()).peer == no_tailscale_on_this_host
    assert who(Around(peer=Path("other.sock"))).peer == Path("other.sock")


@pytest.mark.parametrize("key", ["hskey-api-x", " hskey-api-x\n"])
def test_a_headscale_that_is_named_is_asked_with_the_key_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("HEADSCALE_API_KEY", key)
    control = who(Around(control=SERVER)).control
    assert isinstance(control, HeadscaleApi)
    assert control.opening == (Access(SERVER), "hskey-api-x")


@pytest.mark.parametrize("key", [None, "", " \n", "two words", "schlüssel"])
def test_without_a_key_it_is_said_how_to_make_one(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    if key is not None:
        monkeypatch.setenv("HEADSCALE_API_KEY", key)
    with pytest.raises(UsageError, match=r"\$HEADSCALE_API_KEY has no key of its API") as caught:
        Around(control=SERVER).in_tailnet()
    assert "headscale apikeys create" in caught.value.hint
    assert not key or not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize("url", ["headscale.example", "ftp://h", "https://h:0", "https://a..b", ""])
def test_what_is_no_address_is_said_before_it_is_asked(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HEADSCALE_API_KEY", "key")
    with pytest.raises(UsageError, match=r"--control: .* is not the address of a control server"):
        Around(control=url).in_tailnet()


def test_a_bench_says_who_is_in_its_tailnet(tmp_path: Path, no_tailscale_on_this_host: Path) -> None:
    no_tailscale_on_this_host.touch()
    assert Around(bench=tmp_path).in_tailnet() == Missing("the bench has opened no tailnet")
    found = who(Around(bench=a_bench(tmp_path)))
    assert found.peer == tmp_path / "peer.sock", "the bench's own, and not this host's"
    assert isinstance(found.control, HeadscaleApi)


def test_what_a_person_says_goes_before_what_a_bench_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSCALE_API_KEY", "key")
    bench = a_bench(tmp_path)
    assert who(Around(bench=bench, peer=Path("other.sock"))).peer == Path("other.sock")
    control = who(Around(bench=bench, control=SERVER)).control
    assert isinstance(control, HeadscaleApi)
    assert control.opening[0].url == SERVER


def test_a_port_is_at_the_nodes_own_address_where_no_door_leads_to_it() -> None:
    around = Around(doors={9002: ("127.0.0.1", 40001)})
    found = [around.door("10.0.0.5", port, Deadline.after(0)) for port in (9002, 3000)]
    assert found == [("127.0.0.1", 40001), ("10.0.0.5", 3000)]
