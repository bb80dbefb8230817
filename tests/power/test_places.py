"""Names of devices: looked up within a deadline, whatever the resolver does."""

from __future__ import annotations

import socket
import threading

import pytest

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.power import places as looking
from hil.power.places import places
from hil.power.port import PortAbsent

SOON = 5.0


def test_an_address_needs_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a look-up"))
    [place] = places(HostPort("2001:db8::9", 80), socket.SOCK_STREAM, "plug", deadline=Deadline.after(0.0))
    assert (place.family, place.address[:2]) == (socket.AF_INET6, ("2001:db8::9", 80))


def test_a_name_is_looked_up() -> None:
    found = places(HostPort("localhost", 161), socket.SOCK_DGRAM, "switch", deadline=Deadline.after(SOON))
    assert ("127.0.0.1", 161) in [place.address for place in found]


def test_a_name_that_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(looking.socket, "getaddrinfo", unknown)
    with pytest.raises(PortAbsent, match=r"plug: no address is known for 'plug\.lan': Name or service not known"):
        places(HostPort("plug.lan", 80), socket.SOCK_STREAM, "plug", deadline=Deadline.after(SOON))


def test_a_resolver_that_never_answers_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def stuck(*args: object, flags: int, **more: object) -> None:
        if not flags:
            given_up.wait()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(looking.socket, "getaddrinfo", stuck)
    try:
        with pytest.raises(PortAbsent, match="could not be looked up within"):
            places(HostPort("plug.lan", 80), socket.SOCK_STREAM, "plug", deadline=Deadline.after(0.1))
    finally:
        given_up.set()
