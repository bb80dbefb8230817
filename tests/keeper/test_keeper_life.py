"""How a keeper ends: by its owner's end, its policy, a signal or a kill; and that nothing stays behind."""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import NoReturn

import pytest
from support.leftovers import Snapshot, difference, snapshot

import hil
from hil.clock import Deadline
from hil.errors import HilBug, InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.isolation import DEATH_SIGNAL, USER_NAMESPACE, Isolation
from hil.keeper.journal import Entry
from hil.keeper.launch import launch
from hil.keeper.link import Link
from hil.keeper.protocol import SOCKET_NAME
from hil.keeper.runtime import is_alive, live_benches, new_runtime_dir, sweep
from hil.locks import Lock

pytestmark = pytest.mark.boot

GONE = 20.0
"""Seconds until nothing is left, on a host that stands still in between; it is a tenth of one mostly."""

CLIENT = """
import os, signal, sys
from pathlib import Path
from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.journal import Entry
keeper = Keeper.start(Path(sys.argv[1]), deadline=Deadline.after(10))
keeper.spawn("child", ["sleep", "1000"])
keeper.spawn("daemon", ["sh", "-c", "setsid sleep 1001 & exec sleep 1002"], kill=True)
if "keep" in sys.argv:
    keeper.policy(keep=True)
if "journal" in sys.argv:
    keeper.at_end(Entry("outlet", "three", {"number": 3}), ["false"], within=5)
if "fork" in sys.argv and os.fork() == 0:
    print("ready", flush=True)
    signal.pause()
if "leave" in sys.argv:
    keeper.close()
if "fork" not in sys.argv:
    print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def before(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """What there was before the test; everything that it starts carries a marker."""
    marker = uuid.uuid4().hex
    monkeypatch.setenv("HIL_TEST_MARKER", marker)
    (runtime / "hil").mkdir(mode=0o700)
    return snapshot(marker, [runtime])


Client = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def client() -> Iterator[Client]:
    """Starts a client in a process group of its own and waits until it has opened its bench."""
    started: list[subprocess.Popen[bytes]] = []

    def start(directory: Path, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(directory), *words], stdout=subprocess.PIPE, process_group=0
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_close_leaves_nothing_behind(before: Snapshot) -> None:
    with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as keeper:
        keeper.spawn("child", ["sh", "-c", "setsid sleep 1000 & exec sleep 1001"])
        keeper.listen("key", keeper.directory / "held")
        keeper.lock(Lock(keeper.directory / "lock", what="testing", pid=keeper.pid).acquire(Deadline.after(0)))
        found = {line.split()[1] for line in difference(before, within=Deadline.after(0))}
        assert {"process", "namespace", "listening", "locked", "file"} <= found
    assert difference(before, within=Deadline.after(GONE)) == []
    keeper.close()
    keeper.end()
    with pytest.raises(InfrastructureError, match="was closed"):
        keeper.status()


@pytest.mark.parametrize("words", [(), ("fork",)])
def test_kill_of_the_owner_closes_the_bench(before: Snapshot, client: Client, words: tuple[str, ...]) -> None:
    directory = new_runtime_dir()
    process = client(directory, *words)
    assert is_alive(directory)
    process.kill()
    process.wait()
    deadline = Deadline.after(GONE)
    if words:  # its forked child still has a copy of the owner's socket
        while is_alive(directory):
            assert not deadline.expired
        os.killpg(process.pid, signal.SIGKILL)
    assert difference(before, within=deadline) == []


@pytest.mark.parametrize("words", [("keep",), ("keep", "leave")])
def test_a_bench_that_is_to_be_kept_stays(before: Snapshot, client: Client, words: tuple[str, ...]) -> None:
    directory = new_runtime_dir()
    process = client(directory, *words)
    process.kill()
    process.wait()
    with Keeper.connect(directory, deadline=Deadline.after(5)) as keeper:
        assert keeper.status()["policy"] == "keep"
        assert keeper.exit_status("child") is None
    assert [bench.directory for bench in live_benches()] == [directory]
    assert sweep(pytest.fail) == []
    with Keeper.connect(directory, deadline=Deadline.after(5)) as keeper:
        keeper.end()
    assert difference(before, within=Deadline.after(GONE)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_keeper_ends_the_bench(before: Snapshot, number: int) -> None:
    keeper = Keeper.start(new_runtime_dir(), deadline=Deadline.after(10))
    keeper.spawn("child", ["sh", "-c", "setsid sleep 1000 & exec sleep 1001"])
    os.kill(keeper.pid, number)
    for ask in (keeper.status, lambda: keeper.attach("child").close()):
        with pytest.raises(InfrastructureError, match=r"has died|was closed|is being closed"):
            ask_for_ever(ask)
    keeper.close()
    assert difference(before, within=Deadline.after(GONE)) == []


def test_an_owner_that_hangs_up_ends_the_bench(before: Snapshot) -> None:
    launched = launch(new_runtime_dir(), Deadline.after(10))
    launched.link.close()
    launched.process.wait(5)
    assert difference(before, within=Deadline.after(GONE)) == []


def ask_for_ever(ask: Callable[[], object]) -> NoReturn:
    while True:
        ask()


def test_a_keeper_that_died_says_its_last_words(runtime: Path) -> None:
    keeper = Keeper.start(new_runtime_dir(), deadline=Deadline.after(10))
    (keeper.directory / "keeper.err").write_text("out of luck\n")
    os.kill(keeper.pid, signal.SIGKILL)
    with pytest.raises(InfrastructureError, match="has died, and with it all that it held") as caught:
        ask_for_ever(keeper.status)
    assert caught.value.evidence == ("out of luck",)
    keeper.close()
    assert not keeper.directory.exists()


def test_a_keeper_without_a_descriptor_left_turns_new_clients_away(keeper: Keeper) -> None:
    used = {int(path.name) for path in Path(f"/proc/{keeper.pid}/fd").iterdir()}
    soft, hard = resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (next(n for n in count() if n not in used), hard))
    with ExitStack() as connected:
        # More than one, as the keeper may have closed something meanwhile.
        clients = [connected.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(8)]
        for client in clients:
            client.connect(str(keeper.directory / SOCKET_NAME))
        turned_away, _, _ = select.select(clients, [], [], 20)
        assert [client.recv(1) for client in turned_away[:1]] == [b""]
    assert list(keeper.streams()) == ["keeper"]
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (soft, hard))
    with Keeper.connect(keeper.directory, deadline=Deadline.after(10)) as other:
        assert other.pid == keeper.pid


def test_an_interrupt_of_the_clients_group_does_not_reach_the_keeper(before: Snapshot, client: Client) -> None:
    directory = new_runtime_dir()
    process = client(directory, "keep")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT
    with Keeper.connect(directory, deadline=Deadline.after(5)) as keeper:
        assert keeper.exit_status("child") is None
        keeper.end()
    assert difference(before, within=Deadline.after(GONE)) == []


def test_the_next_start_sweeps_what_a_killed_keeper_left(before: Snapshot, client: Client) -> None:
    directory = new_runtime_dir()
    process = client(directory, "journal")
    with Keeper.connect(directory, deadline=Deadline.after(5)) as keeper:
        os.kill(keeper.pid, signal.SIGKILL)
    assert difference(before, within=Deadline.after(0))
    process.kill()
    process.wait()
    deadline = Deadline.after(10)
    while is_alive(directory):
        assert not deadline.expired
    assert sweep(lambda entry: False) == [], "it could not be done: the next start tries again"
    missed: list[Entry] = []
    assert sweep(lambda entry: missed.append(entry) is None) == [directory]
    assert missed == [Entry("outlet", "three", {"number": 3})]
    assert difference(before, within=Deadline.after(GONE)) == []


def test_a_missed_leave_policy_outlives_a_keeper_whose_owner_was_killed(before: Snapshot, client: Client) -> None:
    directory = new_runtime_dir()
    process = client(directory, "journal")
    process.kill()
    process.wait()
    deadline = Deadline.after(10)
    while is_alive(directory):
        assert not deadline.expired
    missed: list[Entry] = []
    assert sweep(lambda entry: missed.append(entry) is None) == [directory]
    assert missed == [Entry("outlet", "three", {"number": 3})]


def test_what_a_killed_keeper_left_undone_is_said_to_any_client_that_ends_it(before: Snapshot, client: Client) -> None:
    directory = new_runtime_dir()
    client(directory, "journal")
    other = Keeper.connect(directory, deadline=Deadline.after(10))
    os.kill(other.pid, signal.SIGKILL)
    with pytest.raises(InfrastructureError, match="not all is as it was to be left: three") as caught:
        other.end()
    assert caught.value.evidence == ("three: the keeper died before it was done",)


def test_a_keeper_that_does_not_answer_is_not_said_to_have_ended(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Keeper.connect(keeper.directory, deadline=Deadline.after(10))
    pid = keeper.pid
    with monkeypatch.context() as patch:
        patch.setattr("hil.keeper.client._END_SECONDS", 0.1)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(InfrastructureError, match="the keeper did not answer 'status'"):
                other.end()
        finally:
            os.kill(pid, signal.SIGCONT)
    assert is_alive(keeper.directory)


def test_where_namespaces_are_refused_the_kernel_still_ends_children(before: Snapshot) -> None:
    refused = Isolation("pid namespace", ("false",))
    absent = Isolation("pid and user namespace", ("/no/such/unshare",))
    for number in (signal.SIGKILL, signal.SIGTERM):
        directory = new_runtime_dir()
        launched = launch(directory, Deadline.after(10), (refused, absent, DEATH_SIGNAL))
        keeper = Keeper(directory, launched.link, launched)
        assert keeper.status()["isolation"] == "parent-death signal"
        keeper.spawn("child", ["sleep", "1000"])
        os.kill(keeper.pid, number)
        launched.process.wait(5)
        keeper.close()
        assert difference(before, within=Deadline.after(GONE)) == []
    with pytest.raises(InfrastructureError, match="keeper, which holds a bench's processes, does not start"):
        launch(new_runtime_dir(), Deadline.after(10), (refused, absent))


def test_a_keeper_that_never_answers_is_ended(before: Snapshot) -> None:
    directory = new_runtime_dir()
    silent = Isolation("pid namespace", ("sh", "-c", "exec sleep 1000"))
    with pytest.raises(InfrastructureError, match=r"did not answer 'status' within 0\.2 s"):
        launch(directory, Deadline.after(0.2), (silent,))
    sweep(pytest.fail)
    assert difference(before, within=Deadline.after(GONE)) == []


def test_a_user_namespace_serves_as_well(before: Snapshot) -> None:
    try:
        launched = launch(new_runtime_dir(), Deadline.after(10), (USER_NAMESPACE,))
    except InfrastructureError as error:
        pytest.skip(f"user namespaces are not allowed on this host: {error.evidence}")
    directory = live_benches()[0].directory
    with Keeper(directory, launched.link, launched) as keeper:
        assert keeper.status()["isolation"] == "pid and user namespace"
        keeper.spawn("child", ["sh", "-c", "setsid sleep 1000 & exec sleep 1001"])
    sweep(pytest.fail)
    assert difference(before, within=Deadline.after(GONE)) == []


ORDINARY = """
from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir, sweep
import os
with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as keeper:
    keeper.spawn("child", ["sh", "-c", "setsid sleep 1000 & exec sleep 1001"])
    print(os.getuid(), keeper.status()["isolation"])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_has_a_keeper_too(before: Snapshot, runtime: Path) -> None:
    runtime.chmod(0o711)
    os.chown(runtime / "hil", 65534, 65534)
    # The tests' own interpreter may lie where nobody else can read.
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(runtime / "venv")], check=True)
    (packages,) = (runtime / "venv").glob("lib/python3*/site-packages")
    (packages / "hil.pth").write_text(str(Path(hil.__file__).parent.parent))
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(runtime / "venv/bin/python")]
    if subprocess.run([*as_user, "-c", "import hil.errors, tomllib"], check=False, capture_output=True).returncode:
        pytest.skip("another user can read neither hil nor a Python that is new enough")
    done = subprocess.run([*as_user, "-c", ORDINARY], check=False, capture_output=True, text=True)
    assert done.stdout in ("65534 pid and user namespace\n", "65534 parent-death signal\n"), done.stderr
    shutil.rmtree(runtime / "venv")
    assert difference(before, within=Deadline.after(GONE)) == []


def test_a_lock_is_the_keepers_and_its_children_s(start: Callable[[], Keeper], runtime: Path) -> None:
    first, second = start(), start()
    path = runtime / "thing.lock"
    mine = Lock(path, what="the bench of a test", pid=first.pid).acquire(Deadline.after(0))
    first.lock(mine)
    with pytest.raises(HilBug, match="is not held"):
        mine.fileno()
    first.spawn("child", ["sleep", "1000"])
    assert first.status()["locks"] == [str(runtime / "thing.lock")]
    with pytest.raises(InfrastructureError, match=rf"process {first.pid} of user .* .the bench of a test."):
        Lock(path, what="another").acquire(Deadline.after(0))
    first.close()
    second.lock(Lock(path, what="another", pid=second.pid).acquire(Deadline.after(0)))
    assert second.status()["locks"] == [str(path)]


def test_a_keeper_that_is_killed_frees_its_locks_and_leaves_its_name(
    start: Callable[[], Keeper], runtime: Path
) -> None:
    keeper, path = start(), runtime / "thing.lock"
    keeper.lock(Lock(path, what="the bench of a test", pid=keeper.pid).acquire(Deadline.after(0)))
    keeper.spawn("child", ["sleep", "1000"])
    pid = keeper.pid
    os.kill(pid, signal.SIGKILL)
    with Lock(path, what="heir").held(Deadline.after(10)) as heir:
        assert heir.left_by is not None
        assert (heir.left_by.pid, heir.left_by.what) == (pid, "the bench of a test")


def test_a_lock_without_its_descriptor_is_refused(keeper: Keeper) -> None:
    link = Link.connect(keeper.directory, Deadline.after(5))
    try:
        with pytest.raises(HilBug, match="no descriptor came with it"):
            link.ask("lock", {"path": "/nowhere"}, Deadline.after(5))
        read, write = os.pipe()
        with pytest.raises(HilBug, match="path is not a string"):
            link.ask("lock", {}, Deadline.after(5), descriptor=write)
        os.close(write)
        assert os.read(read, 1) == b""  # the keeper has closed its copy
        os.close(read)
    finally:
        link.close()


def test_folders_that_are_in_use_or_cannot_be_used(keeper: Keeper, runtime: Path, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="belongs to a bench that is open"):
        Keeper.start(keeper.directory, deadline=Deadline.after(5))
    with pytest.raises(InfrastructureError, match="cannot be used: No such file"):
        Keeper.start(tmp_path / "none", deadline=Deadline.after(5))
    with pytest.raises(InfrastructureError, match="no bench is open in"):
        Keeper.connect(tmp_path, deadline=Deadline.after(5))
    (runtime / "hil").chmod(0o755)
    with pytest.raises(InfrastructureError, match="does not belong to this user alone"):
        new_runtime_dir()


def test_folders_that_no_keeper_has_are_swept_when_they_are_old(runtime: Path) -> None:
    fresh, old = new_runtime_dir("fresh"), new_runtime_dir("old")
    (fresh.parent / "stray file").touch()
    os.utime(old, (0, 0))
    assert sweep(pytest.fail) == [old]
    assert fresh.exists()
    assert live_benches() == []


def test_the_runtime_folder_is_short_wherever_the_session_has_its(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    directory = new_runtime_dir()
    directory.rmdir()
    assert len(str(directory)) < 60
