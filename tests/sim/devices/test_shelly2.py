"""The twin's Shelly of the second generation over HTTP, with urllib3 as the other side."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, asked, with_device

from hil.errors import UsageError
from hil.sim.devices import create
from hil.sim.devices.digest_login import DigestLogin
from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Request
from hil.sim.devices.metering import Metering
from hil.sim.devices.shelly2 import Shelly2
from hil.sim.plan import DevicePlan


def test_the_three_ways_to_call_of_the_vendors_page(tmp_path: Path) -> None:
    # Gen2 API, General/RPCChannels: the requests and answers of its examples, with the id of this device.
    async def doing(bench: Bench) -> None:
        whole = b'{"id":0,"method":"Switch.Set","params":{"id":0,"on":true}}'
        answer = await asked(bench.place, "POST", "/rpc", whole)
        assert answer.body == b'{"id":0,"src":"shellyplusplugs-0200005e1001","result":{"was_on":false}}'
        assert (answer.status, answer.head["content-type"], answer.head["connection"]) == (
            200,
            "application/json",
            "close",
        )
        answer = await asked(bench.place, "POST", "/rpc/Switch.Set", b'{"id":0,"on":true}')
        assert answer.body == b'{"was_on":true}'
        assert bench.on() == [0]
        assert (await asked(bench.place, "GET", "/rpc/Switch.Set?id=0&on=false")).json() == {"was_on": True}
        assert bench.on() == []

    with_device(tmp_path, "shelly2", doing, channel=0)


def test_a_status_has_what_flows_in_the_documented_fields(tmp_path: Path) -> None:
    # Gen2 API, ComponentsAndServices/Switch, "Status": id, source, output, apower W, voltage V, current A, aenergy.
    async def doing(bench: Bench) -> None:
        bench.device.outlets[0].command(True)
        await asyncio.sleep(3)
        status = (await asked(bench.place, "GET", "/rpc/Switch.GetStatus?id=0")).json()
        assert (status["id"], status["source"], status["output"], status["voltage"]) == (0, "init", True, 230.0)
        assert 2 < status["apower"] < 10
        assert status["current"] == pytest.approx(status["apower"] / 230, abs=0.001)
        assert 0.001 < status["aenergy"]["total"] < 0.01
        assert status["aenergy"]["by_minute"] == [0, 0, 0]
        assert set(status["temperature"]) == {"tC", "tF"}

        bench.fault("welded", 0)
        await asked(bench.place, "GET", "/rpc/Switch.Set?id=0&on=false")
        await asyncio.sleep(2)
        status = (await asked(bench.place, "GET", "/rpc/Switch.GetStatus?id=0")).json()
        assert (status["output"], status["source"], status["apower"] > 2) == (False, "HTTP_in", True)

    with_device(tmp_path, "shelly2", doing, channel=0, virtually=True)


def test_what_cannot_be_done_is_an_error_of_the_call() -> None:
    firmware = Firmware(DevicePlan("plug", "shelly2"), range(1))
    plug = Shelly2(firmware, Metering(range(1)), None)

    def get(path: str, **query: str) -> tuple[int, object]:
        reply = plug.answer(Request("GET", path, path, query))
        assert reply is not None
        return reply.status, json.loads(reply.body)

    assert get("/rpc/Switch.Set", id="1", on="true") == (
        500,
        {"code": -105, "message": "Argument 'id', value 1 not found!"},
    )
    assert get("/rpc/Switch.Set", id="0") == (500, {"code": -103, "message": "Missing required argument 'on'!"})
    assert get("/rpc/Switch.Blow", id="0")[0] == 404
    assert get("/rpc/Switch.GetStatus", id="false") == (
        500,
        {"code": -103, "message": "Missing required argument 'id'!"},
    )
    reply = plug.answer(Request("POST", "/rpc", "/rpc", body=b'{"id":7,"src":"me","method":"Switch.Blow"}'))
    assert reply is not None
    assert json.loads(reply.body) == {
        "id": 7,
        "src": "shellyplusplugs-0200005e1001",
        "dst": "me",
        "error": {"code": 404, "message": "No handler for Switch.Blow"},
    }


def test_a_password_is_asked_for_by_digest_and_each_request_needs_a_new_nonce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUG", "mysecretpassword")
    path = "/rpc/Switch.GetStatus?id=0"

    def authorization(challenge: str, password: str) -> str:
        """RFC 7616, section 3.4.1, with the values that the vendor's page computes with."""
        realm, nonce = (challenge.split(f'{name}="')[1].split('"')[0] for name in ("realm", "nonce"))
        first = sha256(f"admin:{realm}:{password}".encode()).hexdigest()
        second = sha256(f"GET:{path}".encode()).hexdigest()
        response = sha256(f"{first}:{nonce}:00000001:c0ffee:auth:{second}".encode()).hexdigest()
        return (
            f'Digest username="admin", realm="{realm}", nonce="{nonce}", uri="{path}", algorithm=SHA-256, qop=auth,'
            f' nc=00000001, cnonce="c0ffee", response="{response}"'
        )

    async def doing(bench: Bench) -> None:
        answer = await asked(bench.place, "GET", path)
        challenge = answer.head["www-authenticate"]
        assert (answer.status, challenge.partition("nonce")[0]) == (
            401,
            'Digest qop="auth", realm="shellyplusplugs-0200005e1001", ',
        )
        assert (await asked(bench.place, "GET", path, Authorization=authorization(challenge, "wrong"))).status == 401
        right = authorization(challenge, "mysecretpassword")
        assert (await asked(bench.place, "GET", path, Authorization=right)).status == 200
        assert (await asked(bench.place, "GET", path, Authorization=right)).status == 401
        assert (await asked(bench.place, "GET", "/shelly")).json()["auth_en"] is True

    with_device(tmp_path, "shelly2", doing, channel=0, password_env="PLUG")


def test_the_digest_of_rfc_7616() -> None:
    # Section 3.9.1: its SHA-256 example; user "Mufasa", password "Circle of Life".
    login = DigestLogin("Mufasa", "Circle of Life", "http-auth@example.org")
    login.challenge()
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    login._open.append(nonce)
    said = (
        f'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256,'
        f' nonce="{nonce}", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,'
        ' response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",'
        ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    for wrong in (
        said.replace("Mufasa", "Scar"),
        said.replace("Digest ", "Basic "),
        said.replace("qop=auth", "qop=x"),
    ):
        assert not login.admits(Request("GET", "/dir/index.html", "/dir/index.html", headers={"authorization": wrong}))
    for method, target in (("POST", "/dir/index.html"), ("GET", "/dir")):
        assert not login.admits(Request(method, target, target, headers={"authorization": said}))
    assert login.admits(Request("GET", "/dir/index.html", "/dir/index.html", headers={"authorization": said}))


def test_a_password_that_is_set_nowhere_is_named() -> None:
    with pytest.raises(UsageError, match=r"plug has its password in HIL_TEST_UNSET"):
        create(DevicePlan("plug", "shelly2", {"password_env": "HIL_TEST_UNSET"}))


@settings(max_examples=unless_quick(60), deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(["/rpc", "/rpc/Switch.Set", "/rpc/Switch.GetStatus", "/relay/0", "/"]),
    st.dictionaries(st.sampled_from(["id", "on", "method"]), st.sampled_from(["0", "-1", "true", "[", "9" * 30, ""])),
    st.one_of(st.binary(max_size=60), st.recursive(
        st.none() | st.booleans() | st.integers() | st.just("Switch.Set"),
        lambda inner: st.dictionaries(st.sampled_from(["id", "on", "method", "params", "src"]), inner),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode())),
)  # fmt: skip
def test_hostile_calls_are_answered(method: str, path: str, query: dict[str, str], body: bytes) -> None:
    firmware = Firmware(DevicePlan("plug", "shelly2"), range(1))
    reply = asyncio.run(
        _answer(Shelly2(firmware, Metering(range(1)), None), Request(method, path, path, query, {}, body))
    )
    assert reply in (200, 404, 500)


async def _answer(plug: Shelly2, request: Request) -> int:
    reply = plug.answer(request)
    assert reply is not None
    return reply.status


def test_urllib3_reads_it(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        url = f"http://{bench.place}/rpc/Shelly.GetDeviceInfo"
        answer = await asyncio.to_thread(urllib3.request, "GET", url, retries=False, timeout=5)
        assert (answer.status, answer.json()["gen"]) == (200, 2)

    with_device(tmp_path, "shelly2", doing, channel=0)
