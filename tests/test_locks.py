"""The lock: one holder, freed by the kernel, its holder named."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import HilBug, InfrastructureError
from hil.locks import Busy, Lock, Owner

HOLDER = """
import sys, pathlib
from hil.clock import Deadline
from hil.locks import Busy, Lock
with Lock(pathlib.Path(sys.argv[1]), what="holding on").held(Deadline.after(5)):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(path: Path) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_one_holder_and_the_message_names_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "thing.lock"
    with start_holder(path) as holder:
        with pytest.raises(InfrastructureError) as caught:
            Lock(path, what="me too").acquire(Deadline.after(0.05))
        assert f"process {holder.pid} of user" in caught.value.message
        assert re.search(r"\(holding on, since 2\S+ \S+\); waited 0\.05 s$", caught.value.message)
        with pytest.raises(InfrastructureError):
            Lock(path, what="me too").acquire(Deadline.after(0))


def test_a_waiter_gets_it_when_the_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "thing.lock"
    first = Lock(path, what="first").acquire(Deadline.after(0))
    timer = threading.Timer(0.1, first.release)
    timer.start()
    with Lock(path, what="second").held(Deadline.after(10)) as second:
        assert second.owner() == Owner(os.getpid(), second.owner().user, "second")  # type: ignore[union-attr]
        assert second.left_by is None
    timer.join()
    assert second.owner() is None


def test_the_kernel_frees_it_when_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "thing.lock"
    with start_holder(path) as holder:
        holder.send_signal(signal.SIGKILL)
        with Lock(path, what="heir").held(Deadline.after(10)) as lock:
            assert lock.left_by is not None
            assert lock.left_by.pid == holder.pid


def test_a_child_that_inherits_the_descriptor_holds_it_too(tmp_path: Path) -> None:
    path = tmp_path / "thing.lock"
    lock = Lock(path, what="parent").acquire(Deadline.after(0))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(lock.fileno(),)) as child:
        lock.release()
        with pytest.raises(InfrastructureError, match="left no name"):
            Lock(path, what="other").acquire(Deadline.after(0))
        assert child.stdin is not None
        child.stdin.close()
        with Lock(path, what="other").held(Deadline.after(10)):
            pass


def test_misuse_and_places_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock(tmp_path / "a.lock", what="x")
    lock.release()
    with pytest.raises(HilBug, match="not held"):
        lock.fileno()
    with lock.held(Deadline.after(0)):
        with pytest.raises(HilBug, match="twice"):
            lock.acquire(Deadline.after(0))
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(InfrastructureError, match="flock, which waits"):
            Lock(lock.path, what="y").acquire(Deadline.after(1))
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be used"):
        Lock(tmp_path / "file" / "b.lock", what="x").acquire(Deadline.after(0))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.from_regex(rb'\{"pid": (1|"x"|null|[0-9]{0,3}), "user": "u"(, "what": "w")?\}'))
def test_any_owner_file_is_an_owner_or_none(tmp_path: Path, content: bytes) -> None:
    lock = Lock(tmp_path / "a.lock", what="x")
    lock.path.write_bytes(content)
    assert lock.owner() is None or isinstance(lock.owner(), Owner)


def test_a_holder_that_took_it_a_moment_ago_is_named_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    with Lock(path, what="boots a board").held(Deadline.after(0)):
        name = path.read_bytes()
        path.write_bytes(b"")
        monkeypatch.setattr("hil.locks.hold", lambda seconds: path.write_bytes(name))
        with pytest.raises(Busy, match="boots a board"):
            Lock(path, what="too").acquire(Deadline.after(0))
