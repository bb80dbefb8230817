"""PoE by SNMP: the objects of RFC 3621 as they go over the wire, against an agent of pysnmp."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from hil.clock import Deadline, hold
from hil.config.environment import SecretText
from hil.errors import InfrastructureError
from hil.power import poe, poe_snmp
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState

SOON = 5.0
AGENT = Path(__file__).parents[1] / "support" / "snmp_agent.py"

# RFC 3621, section 5: pethPsePortAdminEnable is { pethPsePortEntry 3 }, pethPsePortDetectionStatus { ... 6 }, under
# mib-2 105 (1.3.6.1.2.1.105.1.1.1), indexed by group and port. A switch's walk has for port 4 of group 1
# "pethPsePortAdminEnable.1.4 = INTEGER: true(1)", "pethPsePortDetectionStatus.1.4 = INTEGER: deliveringPower(3)"
# (Observium, includes/discovery/pse.inc.php and its comments).
ADMIN, STATUS = "1.3.6.1.2.1.105.1.1.1.3.1.4", "1.3.6.1.2.1.105.1.1.1.6.1.4"
# X.690 of that: 06 length 1.3->2b 6 1 2 1 105->69 1 1 1 COLUMN GROUP PORT.
ADMIN_BER, STATUS_BER = (bytes.fromhex(f"060c2b06010201690101010{column}0104") for column in (3, 6))
TRUE, FALSE, NULL = bytes.fromhex("020101"), bytes.fromhex("020102"), bytes.fromhex("0500")
SEARCHING, DELIVERING, FAULT = 2, 3, 4


@dataclass
class Switch:
    """An agent with one port, which answers what `says` makes of its objects."""

    objects: dict[str, int]
    settles: Callable[[dict[str, int]], None] = lambda objects: None
    community: bytes = b"private"
    status: int = 0
    at: str = ""
    datagrams: list[bytes] = field(default_factory=list)

    def answer(self, datagram: bytes) -> bytes | None:
        self.datagrams.append(datagram)
        message, _ = decoder.decode(datagram, asn1Spec=v2c.Message())
        if bytes(v2c.apiMessage.get_community(message)) != self.community:
            return None
        asked = v2c.apiMessage.get_pdu(message)
        reply = v2c.apiMessage.get_response(message)
        pairs = v2c.apiPDU.get_varbinds(asked)
        if self.status:
            v2c.apiPDU.set_error_status(v2c.apiMessage.get_pdu(reply), self.status)
        elif isinstance(asked, v2c.SetRequestPDU):
            self.objects |= {str(oid): int(value) for oid, value in pairs}
        else:
            self.settles(self.objects)
            pairs = [(oid, self.value(str(oid))) for oid, _ in pairs]
        v2c.apiPDU.set_varbinds(v2c.apiMessage.get_pdu(reply), pairs)
        return bytes(encoder.encode(reply))

    def value(self, oid: str) -> object:
        return v2c.Integer(self.objects[oid]) if oid in self.objects else v2c.NoSuchInstance("")


@contextmanager
def running(switch: Switch, spoil: Callable[[bytes], bytes] = bytes) -> Iterator[Switch]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        switch.at = f"127.0.0.1:{line.getsockname()[1]}"

        def serve() -> None:
            while True:
                datagram, place = line.recvfrom(65535)
                if not datagram:
                    return
                said = switch.answer(datagram)
                if said is not None:
                    line.sendto(spoil(said), place)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield switch
        finally:
            line.sendto(b"", line.getsockname())
            thread.join()


def port(at: str, number: int = 4, community: str = "private") -> poe.PoePort:
    return poe.create(poe.Config(kind="poe", at=at, port=number, community=SecretText(community, "POE")))


def delivers_at_once(objects: dict[str, int]) -> None:
    objects[STATUS] = DELIVERING if objects[ADMIN] == 1 else 1


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that stalls makes no question be asked twice."""
    monkeypatch.setattr(poe_snmp, "ANSWER_WITHIN", SOON)


@pytest.mark.usefixtures("unhurried")
def test_switching_as_the_rfc_has_it() -> None:
    with running(Switch({ADMIN: 2, STATUS: 1}, delivers_at_once)) as switch:
        port(switch.at).switch(True, deadline=Deadline.after(SOON))
        assert port(switch.at).read(deadline=Deadline.after(SOON)) is PowerState.ON
        port(switch.at).switch(False, deadline=Deadline.after(SOON))
        assert port(switch.at).read(deadline=Deadline.after(SOON)) is PowerState.OFF
    on, look, *_ = switch.datagrams
    assert on.endswith(ADMIN_BER + TRUE)
    assert look.endswith(STATUS_BER + NULL)
    assert ADMIN_BER + NULL in look
    assert [datagram for datagram in switch.datagrams if datagram.endswith(ADMIN_BER + FALSE)]
    # RFC 3416, section 3: SetRequest-PDU is [3], GetRequest-PDU [0]; RFC 1901, section 3: version-2 is 1.
    head = bytes.fromhex("020101") + b"\x04\x07private"
    assert on[2:].startswith(head + b"\xa3")
    assert look[2:].startswith(head + b"\xa0")


@pytest.mark.usefixtures("unhurried")
def test_on_is_when_it_delivers() -> None:
    """Between enabled and delivering it searches: that is neither on nor off."""
    looks = iter([SEARCHING, SEARCHING, DELIVERING])

    def settles(objects: dict[str, int]) -> None:
        objects[STATUS] = next(looks, DELIVERING)

    with running(Switch({ADMIN: 2, STATUS: 1}, settles)) as switch:
        port(switch.at).switch(True, deadline=Deadline.after(SOON))
    assert len(switch.datagrams) == 4
    assert poe.Seen(enabled=True, status=SEARCHING).state is PowerState.UNKNOWN
    assert poe.Seen(enabled=True, status=FAULT).state is PowerState.UNKNOWN
    assert poe.Seen(enabled=False, status=DELIVERING).state is PowerState.UNKNOWN
    assert poe.Seen(enabled=False, status=None).state is PowerState.OFF


def test_one_that_never_delivers_has_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poe, "SETTLES_WITHIN", 0.15)
    switch = Switch({ADMIN: 2, STATUS: SEARCHING})
    with running(switch), pytest.raises(PortRefused, match="it is enabled, searching"):
        port(switch.at).switch(True, deadline=Deadline.after(SOON))


def test_a_switch_without_detection_status_is_believed() -> None:
    with running(Switch({ADMIN: 2})) as switch:
        port(switch.at).switch(True, deadline=Deadline.after(SOON))
        assert port(switch.at).read(deadline=Deadline.after(SOON)) is PowerState.ON


def test_what_goes_wrong_is_of_its_kind() -> None:
    with running(Switch({ADMIN: 1, STATUS: 9})) as switch:
        with pytest.raises(PortRefused, match="no such port"):
            port(switch.at, 5).read(deadline=Deadline.after(SOON))
        for admin, status in ((1, 9), (3, SEARCHING)):
            switch.objects = {ADMIN: admin, STATUS: status}
            with pytest.raises(PortGarbled, match="RFC 3621 does not have"):
                port(switch.at).read(deadline=Deadline.after(SOON))
        with pytest.raises(PortSilent, match="no answer by SNMP") as silent:
            port(switch.at, community="public").read(deadline=Deadline.after(0.2))
        assert "community" in silent.value.hint
        switch.status = 17  # notWritable (RFC 3416, section 3)
        with pytest.raises(PortRefused, match="notWritable"):
            port(switch.at).switch(True, deadline=Deadline.after(SOON))
    with pytest.raises(PortAbsent, match="nobody listens"):
        port(switch.at).read(deadline=Deadline.after(SOON))
    assert "private" not in repr(port(switch.at))


def test_an_answer_to_another_question_is_passed_over() -> None:
    """As one that comes after its question was given up; then the right one is waited for."""
    switch = Switch({ADMIN: 1, STATUS: DELIVERING})
    with running(switch, _other), pytest.raises(PortSilent):
        port(switch.at).read(deadline=Deadline.after(0.2))


def _other(said: bytes) -> bytes:
    message, _ = decoder.decode(said, asn1Spec=v2c.Message())
    v2c.apiPDU.set_request_id(v2c.apiMessage.get_pdu(message), 1)
    return bytes(encoder.encode(message))


def test_an_answer_that_comes_late_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy switch: each answer comes when the next try is under way already."""
    monkeypatch.setattr(poe_snmp, "ANSWER_WITHIN", 1.0)
    late: list[bytes] = []

    class Busy(Switch):
        def answer(self, datagram: bytes) -> bytes | None:
            said = Switch.answer(self, datagram)
            late.append(said or b"")
            return late[-2] if len(late) > 1 else None

    switch = Busy({ADMIN: 1, STATUS: DELIVERING})
    with running(switch):
        assert port(switch.at).read(deadline=Deadline.after(SOON)) is PowerState.ON
    assert len(set(switch.datagrams)) == 1


def test_garbage_is_asked_again_twice() -> None:
    switch = Switch({ADMIN: 1, STATUS: DELIVERING})
    with running(switch, lambda said: said[:-3]), pytest.raises(PortGarbled, match="no SNMP"):
        port(switch.at).read(deadline=Deadline.after(SOON))
    assert len(switch.datagrams) == 3


NUMBER, ASKED = poe_snmp.question("private", {ADMIN: None, STATUS: None})
ANSWER = Switch({ADMIN: 1, STATUS: DELIVERING}).answer(ASKED) or b""


@given(
    st.binary(max_size=60)
    | st.tuples(st.integers(0, len(ANSWER) - 1), st.binary(max_size=4)).map(
        lambda change: ANSWER[: change[0]] + change[1] + ANSWER[change[0] + len(change[1]) :]
    )
)
@example(bytes.fromhex("300e 020101 0488 8000000000000000"))
@example(
    bytes.fromhex(
        "3042 020101 0407 70726976617465 a234 020400a499dc 020100 020100 3026"
        "3080 060c 2b0601020169010101030104 020101 3011 060c 2b0601020169010101060104 020103"
    )
)
def test_any_datagram_is_read_or_refused(datagram: bytes) -> None:
    with suppress(PortGarbled, PortRefused):
        found = poe_snmp.answer("switch", datagram, NUMBER, (ADMIN, STATUS))
        assert found is None or all(value is None or isinstance(value, int) for value in found)


def test_a_good_datagram_is_read() -> None:
    assert poe_snmp.answer("switch", ANSWER, NUMBER, (ADMIN, STATUS)) == [1, DELIVERING]
    assert poe_snmp.answer("switch", ANSWER, NUMBER + 1, (ADMIN, STATUS)) is None


@pytest.mark.parametrize(
    ("datagram", "asked", "words"),
    [
        (ASKED, (ADMIN, STATUS), "no response"),
        (ANSWER, (STATUS, ADMIN), "not asked for"),
        (ANSWER[:-3] + b"\x04\x01x", (ADMIN, STATUS), "no integer"),
    ],
    # Not by the bytes, which have a number of this run's own: all workers collect the same tests.
    ids=["a request", "another order", "another type"],
)
def test_an_answer_to_what_was_not_asked(datagram: bytes, asked: tuple[str, ...], words: str) -> None:
    with pytest.raises(PortGarbled, match=words):
        poe_snmp.answer("switch", datagram, NUMBER, asked)


def test_a_value_that_is_answered_otherwise_was_not_taken() -> None:
    switch = Switch({ADMIN: 2, STATUS: 1})
    with running(switch, lambda said: said[:-1] + b"\x02"), pytest.raises(PortGarbled, match="was told 1"):
        port(switch.at).switch(True, deadline=Deadline.after(SOON))


def test_without_pysnmp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysnmp.proto.api", None)
    with pytest.raises(InfrastructureError, match="pysnmp is not installed") as missing:
        port("127.0.0.1:9").read(deadline=Deadline.after(SOON))
    assert "hil[bench]" in missing.value.hint


def test_what_it_takes_is_its_port() -> None:
    [thing] = poe.Config(kind="poe", at="sw1.lan", port=4, community=SecretText("private", "POE")).things()
    assert (thing.name, thing.key) == ("sw1.lan:161:1.4", ("port",))


@pytest.mark.boot
def test_against_pysnmps_own_agent() -> None:
    """Another program than the codec: communities, access rights and missing objects are its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    at = f"127.0.0.1:{number}"
    with subprocess.Popen([sys.executable, str(AGENT), str(number)]) as agent:
        try:
            wait_for(at)
            assert port(at).read(deadline=Deadline.after(SOON)) is PowerState.UNKNOWN
            port(at).switch(True, deadline=Deadline.after(SOON))
            assert port(at, community="public").read(deadline=Deadline.after(SOON)) is PowerState.ON
            with pytest.raises(PortRefused, match="notWritable"):
                port(at, community="public").switch(True, deadline=Deadline.after(SOON))
            with pytest.raises(PortRefused, match="notWritable"):
                port(at, 5).switch(True, deadline=Deadline.after(SOON))
            with pytest.raises(PortRefused, match="no such port"):
                port(at, 5).read(deadline=Deadline.after(SOON))
            with pytest.raises(PortSilent):
                port(at, community="wrong").read(deadline=Deadline.after(0.5))
        finally:
            agent.kill()


def wait_for(at: str) -> None:
    until = Deadline.after(20)
    while True:
        try:
            port(at).read(deadline=Deadline.after(SOON))
        except (PortAbsent, PortSilent):
            if until.expired:
                raise
            hold(0.1)
        else:
            return
