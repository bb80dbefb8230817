"""The twin's Turing Pi 2: paths and answers of the maker's documentation and of bmcd's source, over TLS."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Request
from hil.sim.devices.turingpi2 import ManagementBoard
from hil.sim.plan import DevicePlan

POWER = "/api/bmc?opt=get&type=power"


async def asked(place: str, path: str, login: str = "") -> tuple[int, str, bytes]:
    """Status, head and body of what it answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = place.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    line = f"Authorization: {login}\r\n" if login else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: turingpi.local\r\n{line}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), head.decode(), body


def test_the_documented_requests(tmp_path: Path) -> None:
    # bmcd, src/api/legacy.rs: api_entry, set_node_power, get_node_power; src/api/into_legacy_response.rs: the frame.
    async def doing(bench: Bench) -> None:
        def states(*on: int) -> bytes:
            slots = ",".join(f'"node{slot}":"{int(slot in on)}"' for slot in range(1, 5))
            return f'{{"response":[{{"result":[{{{slots}}}]}}]}}'.encode()

        ok = b'{"response":[{"result":"ok"}]}'
        for path, answer, on in (
            (POWER, states(), []),
            ("/api/bmc?opt=set&type=power&node1=1", ok, [1]),
            ("/api/bmc?opt=set&type=power&node4=1&node3=1&node1=0", ok, [3, 4]),
            (POWER, states(3, 4), [3, 4]),
        ):
            status, _, body = await asked(bench.place, path)
            assert (status, body) == (200, answer)
            assert bench.on() == on
        for path, words in (
            ("/api/bmc?type=power", "Missing `opt` parameter"),
            ("/api/bmc?opt=get", "Missing `type` parameter"),
            ("/api/bmc?opt=get&type=tea", "Invalid `type` parameter tea"),
            ("/api/bmc?opt=set&type=power&node2=1&node1=on", "Invalid value `on` for parameter `node1`"),
        ):
            status, _, body = await asked(bench.place, path)
            assert (status, json.loads(body)) == (400, {"response": [{"result": words}]})
        assert bench.on() == [3, 4]

    with_device(tmp_path, "turingpi2", doing)


def test_it_wants_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMC", "turing")

    async def doing(bench: Bench) -> None:
        status, head, _ = await asked(bench.place, POWER)
        assert status == 401
        assert 'WWW-Authenticate: Basic realm="Access to Baseboard Management Controller"' in head
        for login, expected in (
            ("Basic cm9vdDp0dXJpbmc=", 200),
            ("Basic " + base64.b64encode(b"root:tea").decode(), 401),
            ("Basic ?", 401),
            ("Basic ü", 401),
            ("Digest x", 401),
        ):
            assert (await asked(bench.place, POWER, login))[0] == expected

    with_device(tmp_path, "turingpi2", doing, password_env="BMC")


@settings(max_examples=unless_quick(50))
@given(st.dictionaries(st.sampled_from(["opt", "type", "node1", "node5"]), st.text(max_size=4)), st.text(max_size=30))
def test_no_request_breaks_it(query: dict[str, str], login: str) -> None:
    firmware = Firmware(DevicePlan("device", "turingpi2"), range(1, 5))
    board = ManagementBoard(firmware, ("root", "turing"))
    reply = board.answer(Request("GET", "/api/bmc", "/api/bmc", query, {"authorization": login}))
    assert reply is not None
    assert reply.status == 401
    assert ManagementBoard(firmware, None).answer(Request("GET", "/api/bmc", "/api/bmc", query)) is not None
