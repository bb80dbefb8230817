"""QEMU's control channel against a server that speaks its bytes: answers, refusals, events, and a QEMU that dies."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import NANOSECONDS, Deadline, WallAnchor, now_ns
from hil.errors import InfrastructureError
from hil.machines.qemu.qmp import Qmp, event_of

GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}, "package": ""}, "capabilities": []}}


class FakeQemu:
    """Answers one client, as a QEMU would: `stop` is refused, `quit` ends it, `hang` gets no answer."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._connection: socket.socket | None = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        self._connection = connection
        # A client that has gone while it was being answered is no fault of this server.
        with suppress(OSError), connection, connection.makefile("wb") as stream:
            self.say(stream, GREETING)
            text = ""
            while data := connection.recv(4096).decode():
                text += data
                while text := text.lstrip():
                    # QMP frames nothing: a request ends where its JSON does (qmp-spec, "General Definitions").
                    try:
                        request, end = json.JSONDecoder().raw_decode(text)
                    except json.JSONDecodeError:
                        break
                    text = text[end:]
                    if not self._answer(stream, request):
                        return

    def _answer(self, stream: IO[bytes], request: dict[str, object]) -> bool:
        match request["execute"]:
            case "quit":
                return False
            case "hang":
                return True
            case "stop":
                answer: dict[str, object] = {"error": {"class": "GenericError", "desc": "not now"}}
            case "system_reset":
                self.say(stream, {"event": "RESET", "data": {"guest": False}, "timestamp": stamp()})
                answer = {"return": {}}
            case _:
                answer = {"return": {"asked": request["execute"], "with": request.get("arguments", {})}}
        self.say(stream, answer | ({"id": request["id"]} if "id" in request else {}))
        return True

    @staticmethod
    def say(stream: IO[bytes], message: dict[str, object]) -> None:
        stream.write(json.dumps(message).encode() + b"\r\n")
        stream.flush()

    def close(self) -> None:
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


def stamp() -> dict[str, int]:
    wall = WallAnchor.take().wall_ns
    return {"seconds": wall // NANOSECONDS, "microseconds": wall % NANOSECONDS // 1000}


@pytest.fixture
def qmp(tmp_path: Path) -> Iterator[Qmp]:
    server = FakeQemu(tmp_path / "qmp")
    client = Qmp(tmp_path / "qmp", "node1")
    yield client
    client.close()
    server.close()


def test_a_command_has_its_answer(qmp: Qmp) -> None:
    answer = qmp.execute("query-status", {"a": 1}, deadline=Deadline.after(5))
    assert answer == {"asked": "query-status", "with": {"a": 1}}


def test_a_refusal_says_what_qemu_said(qmp: Qmp) -> None:
    with pytest.raises(InfrastructureError, match="node1: QEMU refuses stop: not now"):
        qmp.execute("stop", deadline=Deadline.after(5))


def test_no_answer_is_not_waited_for_for_ever(qmp: Qmp) -> None:
    qmp.execute("query-status", deadline=Deadline.after(5))
    with pytest.raises(InfrastructureError, match=r"did not answer hang within 0.2 s"):
        qmp.execute("hang", deadline=Deadline.after(0.2))


def test_an_event_wakes_a_select_and_has_its_moment(qmp: Qmp) -> None:
    before = now_ns()
    qmp.execute("system_reset", deadline=Deadline.after(5))
    assert select.select([qmp.fileno()], [], [], 5)[0]
    (event,) = qmp.take()
    assert (event.name, event.source) == ("RESET", "qmp")
    assert before - event.error_ns <= event.at_ns <= now_ns() + event.error_ns
    assert qmp.take() == []


def test_a_qemu_that_dies_is_said_so(qmp: Qmp) -> None:
    with pytest.raises(InfrastructureError, match="QEMU went away during quit"):
        qmp.execute("quit", deadline=Deadline.after(5))


def test_no_qemu_at_all(tmp_path: Path) -> None:
    client = Qmp(tmp_path / "nothing", "node1")
    with pytest.raises(InfrastructureError, match="control channel did not open"):
        client.execute("query-status", deadline=Deadline.after(5))
    client.close()
    client.close()


def test_it_is_told_when_qemu_has_answered_and_when_it_never_will(tmp_path: Path) -> None:
    settled = threading.Event()
    server = FakeQemu(tmp_path / "qmp")
    with closing(server), closing(Qmp(tmp_path / "qmp", "node1", settled.set)):
        assert settled.wait(5)
    settled.clear()
    with closing(Qmp(tmp_path / "nobody", "node1", settled.set)):
        assert settled.wait(5)


def test_closing_does_not_wait_for_a_silent_qemu(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen(1)
        client = Qmp(tmp_path / "qmp", "node1")
        with pytest.raises(InfrastructureError, match=r"did not open within 0.2 s"):
            client.execute("query-status", deadline=Deadline.after(0.2))
        closer = threading.Thread(target=client.close)
        closer.start()
        closer.join(5)
        assert not closer.is_alive()


ANCHOR = WallAnchor(50 * NANOSECONDS, 1_700_000_000 * NANOSECONDS)


def test_an_event_without_a_time_has_the_moment_of_its_arrival() -> None:
    event = event_of({"event": "STOP", "timestamp": {"seconds": -1, "microseconds": -1}}, ANCHOR)
    assert (event.at_ns, event.error_ns) == (ANCHOR.monotonic_ns, NANOSECONDS)
    event = event_of({"event": "STOP", "timestamp": {"seconds": 1_700_000_001, "microseconds": 5}}, ANCHOR)
    assert event.at_ns == 51 * NANOSECONDS + 5000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(message=st.dictionaries(st.sampled_from(["event", "timestamp", "data", "x"]), JSON))
def test_any_message_becomes_an_event(message: dict[str, object]) -> None:
    assert event_of(message, ANCHOR).source == "qmp"
