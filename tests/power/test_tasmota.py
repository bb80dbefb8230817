"""Tasmota: the requests and answers of its documents, and the answers of real devices."""

from __future__ import annotations

import pytest
from support.http_devices import answering, says

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.power import tasmota, tasmota_meter
from hil.power.port import PortGarbled, PortRefused, PowerState

SOON = 5.0

# Tasmota documentation (tasmota.github.io/docs/Commands), "with Web Requests":
# http://<ip>/cm?cmnd=Power%20On, http://<ip>/cm?user=admin&password=joker&cmnd=Power%20Toggle. Answers of a device
# with one relay, and with several (metacpan.org, Power::Outlet::Tasmota: {"POWER1":"ON"}, {"POWER4":"OFF"}).
ONE_ON, ONE_OFF = '{"POWER":"ON"}', '{"POWER":"OFF"}'
FOURTH_OFF = '{"POWER4":"OFF"}'
# Firmware from 8.2.3 on with status 401, before with 200 (arendst/Tasmota, D_NEED_USER_AND_PASSWORD).
WARNING = '{"WARNING":"Need user=<username>&password=<password>"}'
# The answer to Status 8 of a plug (openHAB and others show it), and the part StatusSNS of a Sonoff POW's (Tasmota
# documentation, "JSON Status Responses": POW).
STATUS_8 = (
    '{"StatusSNS":{"Time":"2019-09-06T20:06:19","ENERGY":{"TotalStartTime":"2019-08-18T11:07:55","Total":0.003,'
    '"Yesterday":0.000,"Today":0.003,"Power":26,"ApparentPower":25,"ReactivePower":25,"Factor":0.06,"Voltage":239,'
    '"Current":0.106}}}'
)
STATUS_8_POW = (
    '{"StatusSNS":{"Time":"2018.02.04 23:17:01","ENERGY":{"Total":3.185,"Yesterday":3.058,"Today":0.127,"Power":0,'
    '"Factor":0.00,"Voltage":221,"Current":0.000}}}'
)


def port(at: str, channel: int = 1, password: str | None = None) -> tasmota.TasmotaPort:
    secret = None if password is None else SecretText(password, "PLUG")
    return tasmota.create(tasmota.Config(kind="tasmota", at=at, channel=channel, password=secret))


def test_switching_as_the_documents_have_it() -> None:
    with answering(says(ONE_ON), says(FOURTH_OFF), says(ONE_OFF)) as twin:
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
        port(twin.at, 4).switch(False, deadline=Deadline.after(SOON))
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.OFF
    assert twin.lines == ["GET /cm?cmnd=Power1%20On", "GET /cm?cmnd=Power4%20Off", "GET /cm?cmnd=Power1"]


def test_a_password_stands_in_the_request_and_in_no_message() -> None:
    with answering(says(WARNING, "401 Unauthorized"), says(WARNING)) as twin:
        for _ in range(2):
            with pytest.raises(PortRefused, match="password is wrong") as raised:
                port(twin.at, password="joker").switch(True, deadline=Deadline.after(SOON))
            assert "joker" not in raised.value.render()
    assert twin.lines == ["GET /cm?user=admin&password=joker&cmnd=Power1%20On"] * 2
    assert "joker" not in repr(port(twin.at, password="joker"))


@pytest.mark.parametrize(
    ("channel", "answer", "expected", "words"),
    [
        (2, ONE_ON, PortGarbled, "another relay"),
        (1, FOURTH_OFF, PortGarbled, "another relay"),
        (1, '{"POWER":"AN"}', PortGarbled, "'AN', which is neither ON nor OFF"),
        (1, '{"POWER":true}', PortGarbled, "must be a text"),
        (9, '{"Command":"Unknown"}', PortRefused, "Unknown"),
        (1, ONE_OFF, PortRefused, "switch on, and says that it is not"),
    ],
)
def test_an_answer_that_is_no_yes(channel: int, answer: str, expected: type[Exception], words: str) -> None:
    with answering(says(answer)) as twin, pytest.raises(expected, match=words):
        port(twin.at, channel).switch(True, deadline=Deadline.after(SOON))


def test_what_it_takes_is_its_channel() -> None:
    assert [thing.name for thing in tasmota.Config(kind="tasmota", at="[2001:DB8::9]").things()] == [
        "[2001:db8::9]:80:1"
    ]
    assert tasmota.Config(kind="tasmota", at="twin:plug").things() == ()


def meter(at: str, channel: int = 1) -> tasmota_meter.TasmotaMeter:
    return tasmota_meter.create(tasmota_meter.Config(kind="tasmota", at=at, channel=channel))


def test_readings_of_real_answers() -> None:
    with answering(says(STATUS_8), says(STATUS_8_POW)) as twin:
        plug = meter(twin.at).read(deadline=Deadline.after(SOON))
        pow_ = meter(twin.at).read(deadline=Deadline.after(SOON))
    assert twin.lines == ["GET /cm?cmnd=Status%208"] * 2
    assert (plug.watts, plug.volts, plug.amperes, plug.counter_wh) == (26.0, 239.0, 0.106, 3.0)
    assert (pow_.watts, pow_.volts, pow_.amperes, pow_.counter_wh) == (0.0, 221.0, 0.0, 3185.0)


def test_several_meters_in_one_device() -> None:
    """A list for what differs; one total of all is nobody's (Tasmota documentation, SetOption129)."""
    energy = '{"Total":%s,"Power":[1688,7],"Voltage":230,"Current":[7.3,0.05]}'
    with answering(
        *(says(f'{{"StatusSNS":{{"ENERGY":{energy % total}}}}}') for total in ("3.1", "[3.0,0.1]"))
    ) as twin:
        shared = meter(twin.at, 2).read(deadline=Deadline.after(SOON))
        own = meter(twin.at, 2).read(deadline=Deadline.after(SOON))
        with pytest.raises(PortGarbled, match=r"StatusSNS\.ENERGY\."):
            meter(twin.at, 3).read(deadline=Deadline.after(SOON))
    assert (shared.watts, shared.volts, shared.amperes, shared.counter_wh) == (7.0, 230.0, 0.05, None)
    assert own.counter_wh == pytest.approx(100.0)


def test_one_that_does_not_measure() -> None:
    status = '{"StatusSNS":{"Time":"2018.02.15 01:00:50","Switch1":"OFF"}}'
    with answering(says(status)) as twin, pytest.raises(PortRefused, match="does not measure"):
        meter(twin.at).read(deadline=Deadline.after(SOON))
