"""Shelly's second generation and later: the requests and answers of its documents, and the answer of a real one."""

from __future__ import annotations

import json

import pytest
from support.http_devices import answering, says

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.power import shelly2, shelly2_meter
from hil.power.http_login import Digest, challenges
from hil.power.port import PortGarbled, PortRefused, PowerState

SOON = 5.0

# Shelly Technical Documentation, Gen2 (shelly-api-docs.shelly.cloud/gen2): "RPC Channels", examples 2 and 4, and
# "Switch: Switch.Set", whose answer is was_on. The frame of an answer is as in "RPC Protocol"; the values are those of
# a Shelly Plus 1 (an answer that users show of it).
SET_ON = {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": True}}
WAS_OFF = '{"id":1,"src":"shellyplus1-XXXXXXXXXXXX","result":{"was_on":false}}'
# An error of the documents (the same, "Common Errors": -103), and the words that devices have for -105, NOT FOUND.
NO_ID = (
    '{"id": 1, "src": "shellypro4pm-f008d1d8b8b8", "dst": "user_1",'
    """ "error": {"code": -103, "message": "Missing required 'id'"}}"""
)
NOT_FOUND = (
    """{"id":1,"src":"shellyplus1-XXXXXXXXXXXX","error":{"code":-105,"message":"Argument 'id', value 1 not found!"}}"""
)
# The status of the switch of a Shelly Pro 1PM (github.com/evcc-io/evcc, meter/shelly/types_test.go,
# TestUnmarshalGen2StatusResponse).
STATUS = (
    '{"id":0, "source":"HTTP", "output":false, "apower":47.11, "voltage":232.0, "current":0.000, "pf":0.00,'
    ' "aenergy":{"total":5.125,"by_minute":[0.000,0.000,0.000],"minute_ts":1675718520},'
    '"temperature":{"tC":25.3, "tF":77.5}}'
)
# What a Shelly 1 Mini Gen3 asks for (github.com/Luligu/matterbridge-shelly, src/auth.test.ts).
CHALLENGE = 'Digest qop="auth", realm="shelly1minig3-543204547478", nonce="1716556501", algorithm=SHA-256'
ASKS = says("", "401 Unauthorized", f"WWW-Authenticate: {CHALLENGE}")


def port(at: str, channel: int = 0, password: str | None = None) -> shelly2.Shelly2Port:
    secret = None if password is None else SecretText(password, "PLUG")
    return shelly2.create(shelly2.Config(kind="shelly2", at=at, channel=channel, password=secret))


def test_switching_as_the_documents_have_it() -> None:
    with answering(says(WAS_OFF)) as twin:
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
    assert twin.lines == ["POST /rpc"]
    assert json.loads(twin.asked[0].body) == SET_ON


def test_reading_as_the_documents_have_it() -> None:
    with answering(says(STATUS), says(STATUS.replace('"output":false', '"output":true'))) as twin:
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.OFF
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.ON
    assert twin.lines == ["GET /rpc/Switch.GetStatus?id=0"] * 2


def test_a_challenge_is_answered_for_each_request_with_the_same_body() -> None:
    with answering(ASKS, says(WAS_OFF), ASKS, says(STATUS)) as twin:
        port(twin.at, password="mysecretpassword").switch(True, deadline=Deadline.after(SOON))
        port(twin.at, password="mysecretpassword").read(deadline=Deadline.after(SOON))
    assert twin.lines == ["POST /rpc"] * 2 + ["GET /rpc/Switch.GetStatus?id=0"] * 2
    assert twin.asked[0].body == twin.asked[1].body
    for asked, method, target in ((twin.asked[1], "POST", "/rpc"), (twin.asked[3], "GET", twin.lines[3][4:])):
        [sent] = challenges(asked.headers["authorization"])
        assert (sent["username"], sent["uri"], sent["nonce"]) == ("admin", target, "1716556501")
        [challenge] = challenges(CHALLENGE)
        again = Digest("admin", "mysecretpassword").header(method, target, challenge, sent["cnonce"])
        assert asked.headers["authorization"] == again


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (NO_ID, PortRefused, r"Missing required 'id' \(-103\)"),
        (NOT_FOUND, PortRefused, r"value 1 not found! \(-105\)"),
        (WAS_OFF.replace('"id":1', '"id":7'), PortGarbled, "another request"),
        ('{"id":1,"src":"shellyplus1-XXXXXXXXXXXX","result":{}}', PortGarbled, "result.was_on must be true or false"),
    ],
)
def test_an_answer_that_is_no_yes(answer: str, expected: type[Exception], words: str) -> None:
    with answering(says(answer)) as twin, pytest.raises(expected, match=words):
        port(twin.at).switch(True, deadline=Deadline.after(SOON))


def test_the_status_of_another_switch_is_no_answer() -> None:
    with answering(says(STATUS)) as twin, pytest.raises(PortGarbled, match="another switch"):
        port(twin.at, 1).read(deadline=Deadline.after(SOON))


def test_what_it_takes_is_its_channel() -> None:
    [thing] = shelly2.Config(kind="shelly2", at="192.0.2.20:8080", channel=3).things()
    assert (thing.name, thing.key) == ("192.0.2.20:8080:3", ("at",))
    assert shelly2.Config(kind="shelly2", at="twin:plug").things() == ()


def meter(at: str) -> shelly2_meter.Shelly2Meter:
    return shelly2_meter.create(shelly2_meter.Config(kind="shelly2", at=at))


def test_a_reading_of_a_real_answer() -> None:
    with answering(says(STATUS)) as twin:
        reading = meter(twin.at).read(deadline=Deadline.after(SOON))
    assert (reading.watts, reading.volts, reading.amperes, reading.counter_wh) == (47.11, 232.0, 0.0, 5.125)


def test_one_that_does_not_measure() -> None:
    with answering(says('{"id":0,"source":"init","output":false,"temperature":{"tC":44.3}}')) as twin:
        with pytest.raises(PortRefused, match="does not measure"):
            meter(twin.at).read(deadline=Deadline.after(SOON))
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.OFF
