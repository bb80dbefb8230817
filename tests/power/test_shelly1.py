"""Shelly's first generation: the requests and answers of its documents, and the answers of real ones."""

from __future__ import annotations

import pytest
from support.http_devices import answering, says

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.power import shelly1, shelly1_meter
from hil.power.port import PortGarbled, PortRefused, PortSilent, PowerState

SOON = 5.0

# Shelly API Reference, Gen1 (shelly-api-docs.shelly.cloud/gen1), "Shelly1/1PM: /relay/0": "GET /relay/0?turn=on", and
# the attributes of its answer; with the values of a relay in the answer of a Shelly 1PM below.
RELAY = (
    '{"ison":false,"has_timer":false,"timer_started":0,"timer_duration":0,"timer_remaining":0,"overpower":false,'
    '"source":"http"}'
)
# Answers to GET /status of a Shelly 1PM and of a Shelly 1, which has no meter and tells what its owner wrote down
# (github.com/evcc-io/evcc, meter/shelly/gen1_test.go, TestUnmarshalGen1Status); shortened.
STATUS_1PM = (
    '{"wifi_sta":{"connected":true,"ssid":"XXXX-WLAN","ip":"192.168.178.XXX","rssi":-54},'
    '"cloud":{"enabled":false,"connected":false},"mqtt":{"connected":false},"time":"17:59","unixtime":1676134770,'
    '"serial":2437,"has_update":true,"mac":"84CCA8XXXXXXX","cfg_changed_cnt":1,"actions_stats":{"skipped":0},'
    '"relays":[' + RELAY + '],"meters":[{"power":4711.12,"overpower":0.00,"is_valid":true,"timestamp":1676138370,'
    '"counters":[0.000, 0.000, 0.000],"total":6472513}],"inputs":[{"input":0,"event":"","event_cnt":0}],'
    '"temperature":16.79,"overtemperature":false}'
)
STATUS_1 = (
    '{"relays":[{"ison":false,"has_timer":false,"timer_started":0,"timer_duration":0,"timer_remaining":0,'
    '"source":"timer"}],"meters":[{"power":81.5,"is_valid":true}]}'
)
ON = RELAY.replace('"ison":false', '"ison":true')


def port(at: str, channel: int = 0, password: str | None = None) -> shelly1.Shelly1Port:
    secret = None if password is None else SecretText(password, "PLUG")
    return shelly1.create(shelly1.Config(kind="shelly1", at=at, channel=channel, password=secret))


def test_switching_as_the_documents_have_it() -> None:
    with answering(says(ON), says(RELAY), says(RELAY)) as twin:
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
        port(twin.at).switch(False, deadline=Deadline.after(SOON))
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.OFF
    assert twin.lines == ["GET /relay/0?turn=on", "GET /relay/0?turn=off", "GET /relay/0"]


def test_a_password_is_sent_and_never_said() -> None:
    with answering(says("401 Unauthorized", "401 Unauthorized")) as twin, pytest.raises(PortRefused) as raised:
        port(twin.at, password="hunter2").read(deadline=Deadline.after(SOON))
    assert twin.asked[0].headers["authorization"] == "Basic YWRtaW46aHVudGVyMg=="
    assert "hunter2" not in raised.value.render()
    assert "hunter2" not in repr(port(twin.at, password="hunter2"))


def test_a_lost_or_garbled_answer_is_asked_again_twice_at_most() -> None:
    with answering(b"", says('{"ison": "yes"}'), says(ON)) as twin:
        port(twin.at, 1).switch(True, deadline=Deadline.after(SOON))
    assert twin.lines == ["GET /relay/1?turn=on"] * 3
    with answering(b"") as twin, pytest.raises(PortSilent):
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
    assert len(twin.asked) == 3


def test_a_relay_that_stays_as_it_was_has_refused() -> None:
    with answering(says(RELAY)) as twin, pytest.raises(PortRefused, match="switch on, and says that it is not"):
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
    assert len(twin.asked) == 1


def test_what_it_takes_is_its_channel() -> None:
    assert [thing.name for thing in shelly1.Config(kind="shelly1", at="Plug.lan", channel=1).things()] == [
        "plug.lan:80:1"
    ]
    assert shelly1.Config(kind="shelly1", at="twin:plug").things() == ()


def meter(at: str, channel: int = 0) -> shelly1_meter.Shelly1Meter:
    return shelly1_meter.create(shelly1_meter.Config(kind="shelly1", at=at, channel=channel))


def test_a_reading_of_a_real_answer() -> None:
    with answering(says(STATUS_1PM), says(STATUS_1)) as twin:
        metered = meter(twin.at).read(deadline=Deadline.after(SOON))
        written = meter(twin.at).read(deadline=Deadline.after(SOON))
    assert twin.lines == ["GET /status"] * 2
    assert (metered.watts, metered.volts, metered.amperes) == (4711.12, None, None)
    assert metered.counter_wh == pytest.approx(6472513 / 60)
    assert (written.watts, written.counter_wh) == (81.5, None)


@pytest.mark.parametrize(
    ("status", "channel", "expected"),
    [
        (STATUS_1PM, 1, PortRefused),
        (STATUS_1PM.replace('"is_valid":true', '"is_valid":false'), 0, PortRefused),
        (STATUS_1PM.replace("4711.12", '"4711.12"'), 0, PortGarbled),
        ('{"relays":[]}', 0, PortGarbled),
    ],
)
def test_no_reading_is_made_of_what_is_none(status: str, channel: int, expected: type[Exception]) -> None:
    with answering(says(status)) as twin, pytest.raises(expected):
        meter(twin.at, channel).read(deadline=Deadline.after(SOON))
