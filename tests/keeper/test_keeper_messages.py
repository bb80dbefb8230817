"""What keeper and client say to each other, and all that is parsed from outside: right, wrong and any."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import HilBug, HilError, InfrastructureError, NodeError, UsageError
from hil.keeper import protocol
from hil.keeper.client import Keeper
from hil.keeper.journal import Entry, Journal
from hil.keeper.link import Link, LinkLost
from hil.keeper.sockets import listening_sockets, parse_listening
from hil.keeper.status import StreamStatus

UNHURRIED = settings(deadline=None)  # a busy machine is no failure
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@UNHURRIED
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_message_or_a_bad_one(line: bytes) -> None:
    with contextlib.suppress(protocol.BadMessage):
        assert isinstance(protocol.decode(line), dict)


@UNHURRIED
@given(st.dictionaries(st.text(), JSON))
def test_messages_survive_the_wire(message: dict[str, object]) -> None:
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert protocol.decode(line) == message


@UNHURRIED
@given(st.sampled_from([InfrastructureError, UsageError, HilBug]), st.text(), st.text(), st.lists(st.text()))
def test_errors_survive_the_wire(kind: type[UsageError], message: str, hint: str, evidence: list[str]) -> None:
    there = protocol.error_to_json(kind(message, hint=hint, evidence=evidence))
    back = protocol.error_from_json(json.loads(json.dumps(there)))
    assert type(back) is kind
    assert (back.message, back.hint, back.evidence) == (message, hint, tuple(evidence))


def test_an_error_that_the_keeper_should_not_raise_is_a_bug() -> None:
    there = protocol.error_to_json(NodeError("x", hint="y"))
    assert isinstance(protocol.error_from_json(there), HilBug)


@UNHURRIED
@given(
    JSON
    | st.fixed_dictionaries({"kind": st.text() | st.just("usage"), "message": JSON, "hint": JSON, "evidence": JSON})
)
def test_any_document_is_an_error_or_a_bad_one(document: object) -> None:
    for parse, result in ((protocol.error_from_json, HilError), (StreamStatus.from_json, StreamStatus)):
        with contextlib.suppress(protocol.BadMessage):
            assert isinstance(parse(document), result)


@UNHURRIED
@given(JSON)
def test_fields_have_the_type_that_was_asked_for(value: object) -> None:
    fields = protocol.Fields({"x": value})
    for get, kind in (
        (fields.text, str),
        (fields.texts, list),
        (fields.object, dict),
        (fields.number, int),
        (fields.flag, bool),
        (fields.text_or_none, str | None),
        (fields.number_or_none, int | None),
        (fields.table_or_none, dict | None),
    ):
        with contextlib.suppress(protocol.BadMessage):
            assert isinstance(get("x"), kind)


def test_true_is_no_number() -> None:
    with pytest.raises(protocol.BadMessage, match="x is not a whole number"):
        protocol.Fields({"x": True}).number("x")


TABLE = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000 20 4 30 10 -1
2: 00000000000000000000000001000000:0016 \
00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4244 1
"""


def test_a_table_of_sockets() -> None:
    assert parse_listening(TABLE) == {4242: ("127.0.0.1", 8080), 4244: ("::1", 22)}


@UNHURRIED
@given(st.binary() | st.text(alphabet="0123456789ABCDEF: \n", max_size=300).map(str.encode))
def test_any_table_of_sockets(table: bytes) -> None:
    assert all(0 <= port < 65536 for _, port in parse_listening(table).values())


def test_our_own_sockets_and_those_of_nobody() -> None:
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.create_server(("127.0.0.1", 0)) as four,
    ):
        found = listening_sockets(os.getpid())
        assert ("::1", six.getsockname()[1]) in found
        assert ("127.0.0.1", four.getsockname()[1]) in found
    assert listening_sockets(1 << 30) == []


def test_what_a_program_closes_meanwhile_hides_none_of_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    target_of = os.readlink

    with socket.create_server(("127.0.0.1", 0)) as server, Path(os.devnull).open() as other:

        def look(path: str) -> str:
            if path.endswith(f"/{other.fileno()}"):
                raise FileNotFoundError(2, "No such file or directory", path)
            return target_of(path)

        monkeypatch.setattr("hil.keeper.sockets.os.readlink", look)
        assert server.getsockname() in listening_sockets(os.getpid())


@UNHURRIED
@given(
    st.lists(
        st.binary()
        | JSON.map(lambda value: json.dumps({"kind": "k", "name": "n", "data": value, "done": value}).encode())
    )
)
def test_any_journal_has_entries(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder, "journal"))
        journal.path.write_bytes(b"\n".join(lines))
        assert all(isinstance(entry, Entry) for entry in journal.entries())


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="journal cannot be written: No such file"):
        Journal(tmp_path / "no" / "journal").append(Entry("outlet", "a", {}))


def test_a_journal_gives_back_its_whole_entries(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.entries() == []
    journal.append(Entry("outlet", "a", {"number": 1}))
    journal.append(Entry("relay", "b", {"path": "/dev/x"}))
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "outlet", "name": "c", "data": {}}')  # whole by chance, but without its end
    assert journal.entries() == [Entry("outlet", "a", {"number": 1}), Entry("relay", "b", {"path": "/dev/x"})]


def test_what_is_struck_from_a_journal_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for name in ("a", "b", "a"):
        journal.append(Entry("outlet", name, {}))
    journal.strike("a")
    journal.strike("nobody")
    assert [entry.name for entry in journal.entries()] == ["b"]


@pytest.fixture
def pair() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    link = Link(ours)
    with theirs:
        yield link, theirs
    link.close()


def test_an_answer_that_an_interrupt_left_behind_is_passed_over(pair: tuple[Link, socket.socket]) -> None:
    link, keeper = pair
    keeper.sendall(b'{"id":0,"result":"old"}\n{"id":1,"result":"new"}\n{"id"')
    assert link.ask("x", {}, Deadline.after(5)) == "new"
    keeper.sendall(b':2,"result":null}\nchunks')
    assert link.ask("x", {}, Deadline.after(5)) is None
    with link.take() as rest:
        assert rest.recv(10) == b"chunks"


def test_a_keeper_that_is_silent_or_gone_or_mad(pair: tuple[Link, socket.socket]) -> None:
    link, keeper = pair
    with pytest.raises(InfrastructureError, match=r"did not answer 'x' within 0\.05 s"):
        link.ask("x", {}, Deadline.after(0.05))
    with pytest.raises(InfrastructureError, match="did not answer 'x'"):
        link.ask("x", {}, Deadline.after(0))
    keeper.sendall(b"gibberish\n")
    with pytest.raises(LinkLost, match="not a JSON document"):
        link.ask("x", {}, Deadline.after(5))
    keeper.shutdown(socket.SHUT_WR)
    with pytest.raises(LinkLost, match="end of stream"):
        link.ask("x", {}, Deadline.after(5))
    keeper.close()
    with pytest.raises(LinkLost):
        link.ask("x", {}, Deadline.after(5))


def test_requests_that_make_no_sense(keeper: Keeper) -> None:
    link = Link.connect(keeper.directory, Deadline.after(5))
    try:
        for verb, fields, message in (
            ("dance", {}, "does not know 'dance'"),
            ("spawn", {"name": 3}, "argv is not a list"),
            ("policy", {"keep": 1}, "keep is neither true nor false"),
        ):
            with pytest.raises(HilBug, match=message):
                link.ask(verb, fields, Deadline.after(5))
        with pytest.raises(UsageError, match="a port's kind is one of"):
            link.ask("open_console", {"port": {}}, Deadline.after(5))
    finally:
        link.close()
    for nonsense in (b"nonsense\n", b'{"id": "x", "do": "status"}\n', b"x" * (protocol.MAX_LINE + 1)):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(keeper.directory / protocol.SOCKET_NAME))
            connection.settimeout(5)
            threading.Thread(target=send_all, args=(connection, nonsense)).start()
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(10) == b""
    assert keeper.status()["policy"] == "close"


def send_all(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(data)
