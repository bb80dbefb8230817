"""Things are taken before a bench starts: one holder each, which is named; freed by a kill; waited for."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.held_kind import installed_in

import hil
from hil import taking
from hil.clock import Deadline
from hil.config.rig import Rig, load_rig
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.locks import Busy, Lock
from hil.taking import held_things, lock_folder, take_things
from hil.tools.progress import Step

pytestmark = pytest.mark.boot

RIG = """hil: 1
matchbox: {{url: "http://127.0.0.1:1"}}
nodes:
  one:
    kind: held
    ready: {{console: x}}
    {keys}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Lock files and runtime folders of our own, and the kind `held`."""
    run_lock = tmp_path / "run-lock"
    run_lock.mkdir()
    run_lock.chmod(0o1777)
    monkeypatch.setattr(taking, "_RUN_LOCK", run_lock)
    monkeypatch.syspath_prepend(str(installed_in(tmp_path / "kinds")))
    with tempfile.TemporaryDirectory(prefix="ht-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield run_lock


@pytest.fixture
def keepers() -> Iterator[list[Keeper]]:
    """Keepers that are ended with the test, as many as it starts."""
    started: list[Keeper] = []
    yield started
    for keeper in started:
        keeper.end()


def start(keepers: list[Keeper]) -> Keeper:
    keepers.append(Keeper.start(new_runtime_dir("bench"), deadline=Deadline.after(10)))
    return keepers[-1]


def rig(folder: Path, keys: str, name: str = "desk") -> Rig:
    """A rig whose node takes things; they stand in line 7 of its file."""
    file = folder / f"{name}.yaml"
    file.write_text(RIG.format(keys=keys))
    return load_rig(file, cwd=folder)


def test_who_holds_it_is_said_with_the_rig_key(tmp_path: Path, keepers: list[Keeper]) -> None:
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    first, second = start(keepers), start(keepers)
    take_things(rig(tmp_path, "tty: ttyUSB0"), first)
    assert held_things(first.locks()) == [f"{tmp_path}/ttyUSB0"]
    with pytest.raises(Busy) as caught:
        take_things(rig(tmp_path, "tty: by-id", "other"), second)
    user = first.directory.owner()
    said = caught.value.message
    assert said.startswith(
        f"{tmp_path}/ttyUSB0 (other.yaml:7, node one) is held by process {first.pid} of user {user}"
    )
    assert f"(bench {first.directory.name} of rig {tmp_path}/desk.yaml, since 20" in said
    assert said.endswith("; waited 0 s")
    assert caught.value.exit_code == 3
    assert second.locks() == []


def test_channels_are_things_of_their_own(tmp_path: Path, keepers: list[Keeper]) -> None:
    take_things(rig(tmp_path, "relay: relay.lan:80\n    channel: 1"), start(keepers))
    keeper = start(keepers)
    with pytest.raises(Busy, match=r"relay\.lan:80:1 \(other\.yaml:7, node one\) is held by "):
        take_things(rig(tmp_path, "relay: Relay.lan:80\n    channel: 1", "other"), keeper)
    for free in ("relay: relay.lan:80\n    channel: 2", "relay: relay.lan:81\n    channel: 1", "relay: relay.lan:80"):
        take_things(rig(tmp_path, free, "other"), keeper)
    assert sorted(held_things(keeper.locks())) == ["relay.lan:80", "relay.lan:80:2", "relay.lan:81:1"]


def test_a_board_taken_whole_is_one_thing_of_two_nodes(tmp_path: Path, keepers: list[Keeper]) -> None:
    both = rig(tmp_path, "relay: relay.lan:80\n  two: {kind: held, ready: {console: x}, relay: relay.lan:80}")
    keeper = start(keepers)
    take_things(both, keeper)
    assert held_things(keeper.locks()) == ["relay.lan:80"]


def test_all_rigs_take_in_one_order(tmp_path: Path, keepers: list[Keeper], monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two that want the same two things would wait for each other."""
    order: list[str] = []
    really = taking.take
    monkeypatch.setattr(taking, "take", lambda lock, what, *rest: (order.append(what), really(lock, what, *rest)))
    take_things(
        rig(tmp_path, "tty: /dev/zero\n  two: {kind: held, ready: {console: x}, tty: /dev/null}"), start(keepers)
    )
    take_things(rig(tmp_path, "relay: relay.lan:80\n    tty: /dev/full"), start(keepers))
    assert [what.split()[0] for what in order] == ["/dev/null", "/dev/zero", "/dev/full", "relay.lan:80"]


def test_a_waiter_gets_it_and_hears_for_whom_it_waits(tmp_path: Path, keepers: list[Keeper]) -> None:
    first, second = start(keepers), start(keepers)
    desk, told, heard = rig(tmp_path, "tty: ttyUSB0"), [], threading.Event()

    def hear(step: Step) -> None:
        told.append(step.what)
        heard.set()

    take_things(desk, first)
    waiter = threading.Thread(target=take_things, args=(desk, second, Deadline.after(20), hear))
    waiter.start()
    assert heard.wait(10)
    pid = first.pid
    first.end()
    waiter.join(10)
    assert len(second.locks()) == 1
    assert len(told) == 1
    assert told[0].startswith(
        f"waiting for {tmp_path}/ttyUSB0 (desk.yaml:7, node one), which is held by process {pid}"
    )


def test_a_wait_has_its_end(tmp_path: Path, keepers: list[Keeper]) -> None:
    desk = rig(tmp_path, "tty: ttyUSB0")
    take_things(desk, start(keepers))
    with pytest.raises(Busy, match=r"; waited 0\.05 s\n"):
        take_things(desk, start(keepers), Deadline.after(0.05))


HOLDER = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from hil import taking
taking._RUN_LOCK = Path(sys.argv[3])
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
keeper = Keeper.start(new_runtime_dir("held"), deadline=Deadline.after(10))
taking.take_things(load_rig(Path(sys.argv[1]), cwd=Path()), keeper)
if "fork" in sys.argv:
    import os
    if os.fork() == 0:  # a helper that is made without exec, as long as the test lasts
        os.read(0, 1)
        os._exit(0)
if "keep" in sys.argv:
    keeper.policy(keep=True)
print(keeper.pid, flush=True)
signal.pause()
"""


@contextmanager
def holding(rig: Rig, place: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that has taken a rig's things, and its keeper's pid; killed at the end of the block."""
    tests = str(Path(__file__).parent)
    kinds = str(place.parent / "kinds")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(rig.file), kinds, str(place), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(hil.__file__).parent.parent), tests])},
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_killed_worker_frees_what_it_took(tmp_path: Path, place: Path, keepers: list[Keeper]) -> None:
    desk = rig(tmp_path, "tty: ttyUSB0")
    with holding(desk, place) as (process, _):
        process.kill()
        told: list[Step] = []
        take_things(desk, start(keepers), Deadline.after(20), told.append)
        assert all(step.what.startswith("waiting for ") for step in told)  # its keeper ended in good order


def test_a_killed_keeper_frees_it_and_the_next_is_told(tmp_path: Path, place: Path, keepers: list[Keeper]) -> None:
    desk = rig(tmp_path, "tty: ttyUSB0")
    with holding(desk, place, "fork") as (_, pid):
        os.kill(pid, signal.SIGKILL)
        told: list[Step] = []
        take_things(desk, start(keepers), Deadline.after(20), told.append)
        assert f"ttyUSB0 (desk.yaml:7, node one): its former holder, process {pid} of user" in told[-1].what
        assert told[-1].what.endswith("died with it; it may be in any state")


def test_a_kept_bench_keeps_what_it_took(tmp_path: Path, place: Path, keepers: list[Keeper]) -> None:
    desk = rig(tmp_path, "tty: ttyUSB0")
    with holding(desk, place, "keep") as (_, pid):
        pass
    try:
        with pytest.raises(Busy, match=f"is held by process {pid} of"):
            take_things(desk, start(keepers), Deadline.after(0.05))
    finally:
        os.kill(pid, signal.SIGTERM)
    take_things(desk, start(keepers), Deadline.after(20))


def test_a_virtual_rig_takes_nothing(place: Path, keepers: list[Keeper]) -> None:
    keeper = start(keepers)
    take_things(load_rig("virt", cwd=Path()), keeper)
    assert keeper.locks() == []
    assert list(place.iterdir()) == []


def test_lock_files_are_for_all_users(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o077)
    try:
        assert lock_folder() == place / "hil"
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / "hil").stat().st_mode) == 0o1777
    place.chmod(0o755)
    monkeypatch.setattr(taking, "_FALLBACK", tmp_path / "fallback")
    assert lock_folder() == tmp_path / "fallback"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    monkeypatch.setattr(taking, "_FALLBACK", tmp_path / "link")
    with pytest.raises(InfrastructureError, match="link is not for all users of this host"):
        lock_folder()
    monkeypatch.setattr(taking, "_FALLBACK", tmp_path / "none" / "folder")
    with pytest.raises(InfrastructureError, match="folder cannot be made: No such file"):
        lock_folder()


def test_a_trap_among_the_lock_files_is_not_touched(place: Path, tmp_path: Path, keepers: list[Keeper]) -> None:
    desk = rig(tmp_path, "relay: relay.lan:80")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (lock_folder() / "relay.lan:80.lock").symlink_to(victim)
    with pytest.raises(InfrastructureError, match="cannot be used"):
        take_things(desk, start(keepers))
    (lock_folder() / "relay.lan:80.lock").unlink()
    os.link(victim, lock_folder() / "relay.lan:80.lock")
    with pytest.raises(InfrastructureError, match="it is no file of its own"):
        take_things(desk, keepers[0])
    assert victim.read_text() == "precious"


def as_another_user(folder: Path, said: int) -> None:
    """What nobody does in a forked child: takes the lock, says who left it, and waits to be killed."""
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os.umask(0o077)
        lock = Lock(folder / "thing.lock", what="nobody's", shared=True).acquire(Deadline.after(0))
        os.write(said, f"{lock.left_by}\n".encode())
        signal.pause()
    except BaseException as error:  # noqa: BLE001 - a forked child has nobody to raise to
        os.write(said, f"{error!r}\n".encode())
    os._exit(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("first", ["root", "nobody"])
def test_two_users_take_turns_and_are_named_to_each_other(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as reachable:
        Path(reachable).chmod(0o1777)
        monkeypatch.setattr(taking, "_RUN_LOCK", Path(reachable))
        folder = lock_folder()
        mine = Lock(folder / "thing.lock", what="root's", shared=True)
        if first == "root":
            os.close(mine.acquire(Deadline.after(0)).give())  # as a kill leaves it
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            as_another_user(folder, write)
        os.close(write)
        try:
            with os.fdopen(read, encoding="utf-8") as said:
                left = said.readline()
                assert ("(root's, since " in left) if first == "root" else (left == "None\n"), left
                with pytest.raises(Busy, match=rf"process {child} of user nobody .nobody's, since"):
                    mine.acquire(Deadline.after(0))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        mine.acquire(Deadline.after(10))
        assert mine.left_by is not None
        assert (mine.left_by.pid, mine.left_by.user) == (child, "nobody")
        mine.release()
