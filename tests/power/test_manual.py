"""The port that a person switches: asked on a terminal, here a pty."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.power.manual import Config, ManualPort, create
from hil.power.port import PortAbsent, PortSilent, PowerState

CONFIG = Config(kind="manual", label="node1's supply")


@pytest.fixture
def terminal() -> Iterator[tuple[int, Path]]:
    master, slave = os.openpty()
    tty.setcbreak(slave)
    yield master, Path(os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_asks_and_waits_for_enter(terminal: tuple[int, Path]) -> None:
    master, path = terminal
    asked = b""

    def person() -> None:
        nonlocal asked
        while b"Enter: " not in asked:
            asked += os.read(master, 1024)
        os.write(master, b"done\n")

    thread = threading.Thread(target=person)
    thread.start()
    port = ManualPort(CONFIG, path)
    port.switch(False, deadline=Deadline.after(5))
    thread.join()
    assert b"Switch node1's supply OFF, then press Enter: " in asked
    assert (port.read(deadline=Deadline.after(5)), port.reads_back) == (PowerState.UNKNOWN, False)


def test_nobody_there_and_an_enter_from_before_is_no_answer(terminal: tuple[int, Path]) -> None:
    os.write(terminal[0], b"\n")
    with pytest.raises(PortSilent, match=r"node1's supply, by hand: nobody pressed Enter within 0\.05 s"):
        ManualPort(CONFIG, terminal[1]).switch(True, deadline=Deadline.after(0.05))


def test_without_a_terminal_it_is_said_at_once() -> None:
    program = (
        "from hil.clock import Deadline\nfrom hil.power.manual import Config, create\n"
        "create(Config(kind='manual', label='x')).switch(True, deadline=Deadline.after(60))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert "PortAbsent: bench error: x, by hand: there is no terminal to ask on" in ended.stderr


def test_a_terminal_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(PortAbsent, match="no terminal"):
        ManualPort(CONFIG, tmp_path / "none").switch(True, deadline=Deadline.after(1))
    assert create(CONFIG).terminal == Path("/dev/tty")
