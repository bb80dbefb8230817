"""What an image calls ready: words on its console, an HTTP answer, or both; and what is no sign of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.hardware import Hardware, boot_in
from support.wire import Wire

from hil.boot import Boot
from hil.clock import now_ns
from hil.console.console import Console
from hil.errors import MissingPart
from hil.images.image import HttpReady, Ready
from hil.machine import Doors, SerialConsole
from hil.readiness import image
from hil.readiness.image import ImageReadiness
from hil.timeline.stages import ATTACHED, USERSPACE
from hil.timeline.timeline import Mark

HTTP = HttpReady(8080, "/healthz", re.compile(rb"\Aok\n\Z"))
LOGIN = re.compile(rb"login: ")


class Answers(BaseHTTPRequestHandler):
    """Answers as the test says: a status and a body, or status 0 for a line that is no HTTP."""

    def do_GET(self) -> None:
        status, body = self.server.answer  # type: ignore[attr-defined]
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if status == 0:
            self.wfile.write(b"SSH-2.0-dropbear\r\n\r\n")
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what a test prints."""


@pytest.fixture
def guest() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.answer = (200, b"ok\n")  # type: ignore[attr-defined]
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Bench:
    """A machine with a console, and its readiness of some kind."""

    def __init__(self, folder: Path) -> None:
        self.wire = Wire()
        self.hardware = Hardware(self.wire)
        self.console = Console(self.wire, name="n1")
        self.boot = boot_in(folder)

    def readiness(self, ready: Ready, **options: frozenset[type[object]]) -> ImageReadiness:
        return ImageReadiness(ready, self.hardware.machine(**options), self.console.transcript, after=0)

    def says(self, data: bytes) -> None:
        self.wire.says(data)
        self.console.poll()

    def reach_userspace(self) -> Boot:
        self.boot.timeline.add([Mark(USERSPACE.name, now_ns(), 0, "console", "Run /init")])
        return self.boot


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(image, "_TRY", 20.0)  # a boot would ask again; a test asks once
    bench = Bench(tmp_path)
    yield bench
    bench.wire.hang_up()
    bench.console.close()
    bench.hardware.close()


def test_words_on_the_console(bench: Bench) -> None:
    readiness = bench.readiness(Ready(LOGIN))
    assert readiness.awaited == "a console line with 'login: '"
    assert readiness.interval > 1
    assert readiness.check(bench.boot) is None
    bench.says(b"booting\r\nlog")
    assert readiness.check(bench.boot) is None
    bench.says(b"in: ")
    mark = readiness.check(bench.boot)
    assert mark is not None
    assert (mark.stage, mark.source, mark.evidence) == ("ready", "console", "login: ")
    assert mark.at_ns == bench.console.transcript.stamp_at(bench.console.transcript.end - 1)


def test_words_of_an_earlier_incarnation_do_not_count(bench: Bench) -> None:
    bench.says(b"login: ")
    bench.wire.ends()
    readiness = ImageReadiness(Ready(LOGIN), bench.hardware.machine(), bench.console.transcript, after=1)
    bench.console.poll()
    assert readiness.check(bench.boot) is None
    bench.says(b"login: ")
    assert readiness.check(bench.boot) is not None


def test_words_of_before_a_reset_do_not_count(bench: Bench) -> None:
    readiness = bench.readiness(Ready(LOGIN))
    bench.says(b"old\r\nlogin: ")
    assert readiness.check(bench.boot) is not None
    readiness.begin_again()
    assert readiness.check(bench.boot) is None
    bench.says(b"UEFI\r\nlogin: ")
    assert readiness.check(bench.boot) is not None


def test_an_answer(bench: Bench, guest: HTTPServer) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", guest.server_address[1])
    readiness = bench.readiness(Ready(None, HTTP))
    assert readiness.awaited == "an answer of http port 8080/healthz"
    assert readiness.interval < 1
    assert readiness.check(bench.boot) is None
    assert guest.asked == []  # type: ignore[attr-defined]
    before = now_ns()
    mark = readiness.check(bench.reach_userspace())
    assert mark is not None
    assert (mark.stage, mark.source, mark.evidence) == ("ready", "http", "GET :8080/healthz 200 ok")
    # It was ready at some time between its being asked and the answer.
    assert before <= mark.at_ns - mark.error_ns <= mark.at_ns


@pytest.mark.parametrize("answer", [(503, b"ok\n"), (200, b"not ok\n"), (404, b""), (0, b"")])
def test_an_answer_that_is_not_the_right_one(bench: Bench, guest: HTTPServer, answer: tuple[int, bytes]) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", guest.server_address[1])
    readiness = bench.readiness(Ready(None, HTTP))
    boot = bench.reach_userspace()
    guest.answer = answer  # type: ignore[attr-defined]
    asked_first = now_ns()
    assert readiness.check(boot) is None
    guest.answer = (200, b"ok\n")  # type: ignore[attr-defined]
    asked_then = now_ns()
    mark = readiness.check(boot)
    assert mark is not None
    # The bound reaches back to the miss, when it was not ready yet.
    assert asked_first <= mark.at_ns - mark.error_ns <= asked_then


def test_nobody_listens_yet(bench: Bench, guest: HTTPServer) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", 1)
    assert bench.readiness(Ready(None, HTTP)).check(bench.reach_userspace()) is None


@pytest.mark.parametrize("without", [frozenset[type[object]](), frozenset({Doors})])
def test_a_door_that_is_not_there_is_said_at_once(bench: Bench, without: frozenset[type[object]]) -> None:
    with pytest.raises(MissingPart):
        bench.readiness(Ready(None, HTTP), without=without).check(bench.reach_userspace())


def test_both(bench: Bench, guest: HTTPServer) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", guest.server_address[1])
    readiness = bench.readiness(Ready(LOGIN, HTTP))
    assert readiness.awaited == "a console line with 'login: ' and an answer of http port 8080/healthz"
    assert readiness.check(bench.reach_userspace()) is None
    assert guest.asked == []  # type: ignore[attr-defined]
    bench.says(b"login: ")
    mark = readiness.check(bench.boot)
    assert mark is not None
    assert mark.source == "http"
    assert readiness.awaited == "an answer of http port 8080/healthz"


def test_any_200_will_do_without_a_pattern(bench: Bench, guest: HTTPServer) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", guest.server_address[1])
    guest.answer = (200, b"\x1b[2Jwhat\r\never\n")  # type: ignore[attr-defined]
    mark = bench.readiness(Ready(None, HttpReady(8080, "/"))).check(bench.reach_userspace())
    assert mark is not None
    assert mark.evidence == "GET :8080/ 200 what ever"


def test_where_no_console_shows_the_boot_an_answer_is_asked_for_at_once(bench: Bench, guest: HTTPServer) -> None:
    bench.hardware.doors[8080] = ("127.0.0.1", guest.server_port)
    assert bench.readiness(Ready(http=HTTP)).check(bench.boot) is None
    assert bench.readiness(Ready(http=HTTP), without=frozenset({SerialConsole})).check(bench.boot) is not None
    bench.boot.timeline.add([Mark(ATTACHED.name, now_ns(), 0, "hil", "it runs already")])
    assert bench.readiness(Ready(http=HTTP)).check(bench.boot) is not None
