"""The twin's Shelly of the first generation, with the requests of its vendor's pages and captured answers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, asked, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import BadRequest, Request, parse_head
from hil.sim.devices.metering import Metering
from hil.sim.devices.shelly1 import Shelly1
from hil.sim.plan import DevicePlan

ON = (
    b'{"ison":true,"has_timer":false,"timer_started":0,"timer_duration":0,"timer_remaining":0,"overpower":false,'
    b'"source":"http"}'
)


def test_the_documented_requests_and_captured_answers(tmp_path: Path) -> None:
    # Gen1 API, "/relay/0": turn=on, by GET or by a form; the answer to it as owners of a Plug S captured it.
    async def doing(bench: Bench) -> None:
        assert (await asked(bench.place, "GET", "/relay/0?turn=on")).body == ON
        assert bench.on() == [0]
        assert (await asked(bench.place, "GET", "/relay/0")).body == ON
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await asked(bench.place, "POST", "/relay/0", b"turn=off", **form)).json()["ison"] is False
        assert bench.on() == []
        assert (await asked(bench.place, "GET", "/relay/1?turn=on")).status == 404
        assert (await asked(bench.place, "GET", "/shelly")).json()["type"] == "SHPLG-S"

    with_device(tmp_path, "shelly1", doing, channel=0)


def test_a_meter_has_watts_and_watt_minutes(tmp_path: Path) -> None:
    # A capture: {"power":48.52,"overpower":0.00,"is_valid":true,"timestamp":..,"counters":[48.663,48.776,46.173],
    # "total":394}: the counters are the watt-minutes of the last three minutes.
    async def doing(bench: Bench) -> None:
        bench.device.outlets[0].command(True)
        await asyncio.sleep(200)
        meter = (await asked(bench.place, "GET", "/meter/0")).json()
        assert set(meter) == {"power", "overpower", "is_valid", "timestamp", "counters", "total"}
        assert meter["counters"][0] == pytest.approx(meter["power"], rel=0.1)
        assert meter["counters"][2] > meter["counters"][0], "the first minute had the boot in it"
        assert meter["total"] == pytest.approx(sum(meter["counters"]) + meter["power"] / 3, abs=1.5)
        status = (await asked(bench.place, "GET", "/status")).json()
        assert status["meters"] == [meter]
        assert status["relays"][0]["ison"] is True

    with_device(tmp_path, "shelly1", doing, channel=0, virtually=True)


def test_a_password_is_asked_for_by_basic_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUG", "open sesame")

    async def doing(bench: Bench) -> None:
        refused = await asked(bench.place, "GET", "/relay/0?turn=on")
        assert (refused.status, refused.head["www-authenticate"][:5]) == (401, "Basic")
        for password, status in (("wrong", 401), ("open sesame", 200)):
            login = "Basic " + b64encode(f"me:{password}".encode()).decode()
            assert (await asked(bench.place, "GET", "/relay/0", Authorization=login)).status == status
        assert bench.on() == []
        assert (await asked(bench.place, "GET", "/shelly")).json()["auth"] is True

    with_device(tmp_path, "shelly1", doing, channel=0, user="me", password_env="PLUG")


@settings(max_examples=unless_quick(80), deadline=None)
@given(st.one_of(st.binary(max_size=80), st.builds(
    lambda target, line: b"GET " + target + b" HTTP/1.1\r\n" + line,
    st.binary(max_size=30).map(lambda data: b"/" + data), st.binary(max_size=40),
)))  # fmt: skip
def test_a_head_is_a_request_or_refused(head: bytes) -> None:
    try:
        request, length = parse_head(head)
    except BadRequest:
        return
    assert request.path.startswith("/") or not request.path
    assert 0 <= length <= 8192
    firmware = Firmware(DevicePlan("plug", "shelly1"), range(1))
    assert Shelly1(firmware, Metering(range(1)), None).answer(request) is not None


@pytest.mark.parametrize(
    "head",
    [
        b"GET / SPDY/3\r\n",
        b"GET relay HTTP/1.1\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 8193\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: +1\r\n",
    ],
)
def test_what_is_no_head_is_refused(head: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_head(head + b"\r\n")


def test_hostile_bytes_do_not_end_the_server(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        for hostile in (b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"A" * 20000, b"GET"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(hostile)
            writer.write_eof()
            said = await reader.read()
            assert said == b"" if hostile == b"GET" else said.startswith(b"HTTP/1.1 400")
            writer.close()
        assert (await asked(bench.place, "GET", "/relay/0?turn=on")).body == ON

    with_device(tmp_path, "shelly1", doing, channel=0)


def test_a_password_of_any_letters_is_compared() -> None:
    firmware = Firmware(DevicePlan("plug", "shelly1"), range(1))
    plug = Shelly1(firmware, Metering(range(1)), "me:päss")
    reply = plug.answer(Request("GET", "/relay/0", "/relay/0", headers={"authorization": "Basic ü"}))
    assert reply is not None
    assert reply.status == 401


def test_a_client_that_asks_for_nothing_is_dropped(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /relay/0?turn=on HTTP/1.1\r\n")
        assert await reader.read() == b""
        writer.close()
        assert bench.on() == []

    with_device(tmp_path, "shelly1", doing, channel=0, virtually=True)


def test_half_a_body_does_nothing(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n\r\nturn=on"
        writer.write(b"POST /relay/0 HTTP/1.1\r\n" + form)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert bench.on() == []

    with_device(tmp_path, "shelly1", doing, channel=0)
