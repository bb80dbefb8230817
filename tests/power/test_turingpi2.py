"""turingpi2: the requests and answers of the board's documents, over TLS with the board's own certificate."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.http_devices import answering, says
from support.twin_device import Bench, with_device

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.power.port import PortGarbled, PortRefused, PowerPort, PowerState
from hil.power.turingpi2 import Config, TuringPi2Port, create

SOON = 5.0
# turing-machines/bmcd, src/api/into_legacy_response.rs (the frame, and "ok"), src/api/legacy.rs (get_node_power).
OK = '{"response":[{"result":"ok"}]}'
STATES = '{"response":[{"result":[{"node1":"1","node2":"0","node3":"Unknown","node4":"0"}]}]}'


def soon() -> Deadline:
    return Deadline.after(SOON)


def port(at: str, channel: int, password: str | None = None, certificate: str | None = None) -> TuringPi2Port:
    secret = None if password is None else SecretText(password, "BMC")
    return create(Config(kind="turingpi2", at=at, channel=channel, password=secret, certificate=certificate))


def plain(at: str, channel: int, password: str | None = None) -> TuringPi2Port:
    """As it speaks inside of TLS."""
    made = port(at, channel, password)
    return replace(made, device=replace(made.device, tls=None))


def test_switching_and_asking_as_the_documents_have_it() -> None:
    with answering(says(OK), says(STATES)) as board:
        assert plain(board.at, 2, "turing").switch(False, deadline=soon()) is PowerState.OFF
        assert plain(board.at, 1).read(deadline=soon()) is PowerState.ON
        assert plain(board.at, 3).read(deadline=soon()) is PowerState.UNKNOWN
    assert board.lines == [
        "GET /api/bmc?opt=set&type=power&node2=0",
        *["GET /api/bmc?opt=get&type=power"] * 3,
    ]
    # The documentation's own: echo -n 'root:turing' | base64.
    assert board.asked[0].headers["authorization"] == "Basic cm9vdDp0dXJpbmc="
    assert "authorization" not in board.asked[2].headers


def test_a_slot_that_stays_as_it_was_is_said_so() -> None:
    with (
        answering(says(OK), says(STATES)) as board,
        pytest.raises(PortRefused, match=r"slot 1 of Turing Pi 2 .*told to switch off, and says that it is not"),
    ):
        plain(board.at, 1).switch(False, deadline=soon())


def test_a_slot_of_which_the_board_knows_nothing_is_unknown() -> None:
    with answering(says(OK), says(STATES)) as board:
        assert plain(board.at, 3).switch(True, deadline=soon()) is PowerState.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (says('{"response":[]}'), PortGarbled, "response is empty"),
        (says('{"response":[{"result":[{"node1":"2"}]}]}'), PortGarbled, "neither 0 nor 1"),
        # Firmware 1 has numbers, and no "result".
        (says('{"response":[{"node1":1,"node2":0,"node3":0,"node4":0}]}'), PortGarbled, "result must be a list"),
        (says('{"response":[{"result":[]}]}'), PortGarbled, "neither 0 nor 1"),
        (says("credentials incorrect", "401 Unauthorized"), PortRefused, "the password is wrong"),
        (says("", "308 Permanent Redirect"), PortRefused, "sends elsewhere"),
    ],
)
def test_what_is_not_as_documented_is_no_answer(answer: bytes, error: type[Exception], words: str) -> None:
    with answering(answer) as board, pytest.raises(error, match=words) as raised:
        plain(board.at, 1, "hunter22").read(deadline=soon())
    assert "hunter22" not in str(raised.value)


def test_a_refusal_is_told_in_the_boards_words() -> None:
    refusal = '{"response":[{"result":"Failed to set power state: no such device"}]}'
    for answer in (says(refusal), says(refusal, "500 Internal Server Error")):
        with answering(answer) as board, pytest.raises(PortRefused, match="no such device"):
            plain(board.at, 1).switch(True, deadline=soon())


@pytest.mark.parametrize(
    "keys", [{"channel": 0}, {"channel": 5}, {"user": "a:b"}, {"certificate": "ab"}, {"certificate": "x" * 64}]
)
def test_keys_that_cannot_be(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "turingpi2", "at": "192.0.2.9", "channel": 1, **keys})


def test_a_slot_is_taken_and_not_the_board() -> None:
    things = {
        str(thing) for slot in (1, 2) for thing in Config(kind="turingpi2", at="192.0.2.9", channel=slot).things()
    }
    assert len(things) == 2


def test_over_tls_with_a_password_and_the_boards_own_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMC", "turing")

    async def doing(bench: Bench) -> None:
        async def switched(port: PowerPort) -> PowerState:
            return await asyncio.to_thread(lambda: port.switch(True, deadline=soon()))

        certificate = await asyncio.to_thread(fingerprint, bench.place)
        assert await switched(port(bench.place, 2, "turing")) is PowerState.ON
        assert await switched(port(bench.place, 4, "turing", certificate.upper())) is PowerState.ON
        assert bench.on() == [2, 4]
        with pytest.raises(PortRefused, match=f"its certificate is not the rig file's: its SHA-256 is {certificate}"):
            await switched(port(bench.place, 1, "turing", "0" * 64))
        with pytest.raises(PortRefused, match="the password is wrong"):
            await switched(port(bench.place, 1, "hunter22"))
        assert bench.on() == [2, 4]

    with_device(tmp_path, "turingpi2", doing, password_env="BMC")


def test_what_speaks_no_tls_is_said_so() -> None:
    with answering(says(OK)) as board, pytest.raises(PortGarbled, match="it speaks no TLS"):
        port(board.at, 1).read(deadline=soon())


def fingerprint(place: str) -> str:
    host, _, number = place.partition(":")
    pem = ssl.get_server_certificate((host, int(number)))
    return hashlib.sha256(base64.b64decode("".join(pem.strip().splitlines()[1:-1]))).hexdigest()
