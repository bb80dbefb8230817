"""Children of the keeper: their output, their end, their sockets, and what is said when they cannot start."""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.stalls import counting

from hil.clock import Deadline
from hil.console.recording import read_recording
from hil.console.stream import Chunk, Feed
from hil.errors import InfrastructureError, UsageError
from hil.keeper.client import Keeper

pytestmark = pytest.mark.boot

Reading = Callable[..., list[Chunk]]
LONG = Deadline.after(float("inf"))


def ended(data: bytes, chunks: list[Chunk]) -> bool:
    return bool(chunks) and not chunks[-1].data


def test_output_and_exit_status(keeper: Keeper, read: Reading, tmp_path: Path) -> None:
    keeper.spawn("job", ["sh", "-c", "echo out; echo err >&2; exit 3"], record=tmp_path / "job")
    assert keeper.wait_exit("job", deadline=LONG) == 3
    assert keeper.exit_status("job") == 3
    assert keeper.wait_exit("job", deadline=LONG) == 3
    with keeper.attach("job") as feed:
        chunks = read(feed, ended)
    assert b"".join(chunk.data for chunk in chunks) == b"out\nerr\n"
    recorded = read_recording(tmp_path / "job")
    assert b"".join(chunk.data for chunk in recorded) == b"out\nerr\n"
    assert (recorded[0].stamp_ns, recorded[-1]) == (chunks[0].stamp_ns, chunks[-1])
    assert (tmp_path / "job.log").read_bytes() == b"out\nerr\n"


def test_a_second_incarnation_goes_on_where_the_first_ended(keeper: Keeper, read: Reading, tmp_path: Path) -> None:
    for word in ("one", "two"):
        keeper.spawn("job", ["echo", word], record=tmp_path / "job")
        keeper.wait_exit("job", deadline=LONG)
    with keeper.attach("job") as feed:
        chunks = read(feed, lambda data, chunks: [c.data for c in chunks].count(b"") == 2)
    assert [(c.incarnation, c.offset, c.data) for c in chunks] == [
        (1, 0, b"one\n"),
        (1, 4, b""),
        (2, 4, b"two\n"),
        (2, 8, b""),
    ]
    with keeper.attach("job", start=4) as feed:
        assert read(feed, lambda data, chunks: data == b"two\n")[0] == chunks[1]


def test_folder_environment_and_input(keeper: Keeper, read: Reading, tmp_path: Path) -> None:
    keeper.spawn("job", ["sh", "-c", "pwd; echo $WORD; cat"], cwd=tmp_path, env={"WORD": "hello", "PATH": "/bin"})
    assert keeper.wait_exit("job", deadline=LONG) == 0
    with keeper.attach("job") as feed:
        chunks = read(feed, ended)
    assert b"".join(chunk.data for chunk in chunks) == f"{tmp_path}\nhello\n".encode()


def test_a_running_child_can_be_signalled_and_its_name_not_be_taken(keeper: Keeper) -> None:
    keeper.spawn("job", ["sleep", "100"])
    assert keeper.exit_status("job") is None
    assert keeper.wait_exit("job", deadline=Deadline.after(0.05)) is None
    with pytest.raises(UsageError, match="job runs already"):
        keeper.spawn("job", ["sleep", "100"])
    keeper.signal("job", signal.SIGTERM)
    assert keeper.wait_exit("job", deadline=LONG) == -signal.SIGTERM
    keeper.signal("job", signal.SIGTERM)


def test_output_that_nobody_reads_blocks_nothing(keeper: Keeper) -> None:
    keeper.spawn("loud", [sys.executable, "-S", "-c", "import sys; sys.stdout.write('x' * 5_000_000)"])
    with keeper.attach("loud"):  # a reader that never reads
        assert keeper.wait_exit("loud", deadline=LONG) == 0
    assert keeper.streams()["loud"].received == 5_000_000


def test_a_background_job_ends_with_its_leader(keeper: Keeper, read: Reading) -> None:
    keeper.spawn("job", ["sh", "-c", "sleep 100 & echo $!"])
    assert keeper.wait_exit("job", deadline=LONG) == 0
    with keeper.attach("job") as feed:
        pid = int(b"".join(chunk.data for chunk in read(feed, ended)))
    keeper.spawn("watch", ["sh", "-c", f"while kill -0 {pid} 2> /dev/null; do sleep 0.01; done"])
    assert keeper.wait_exit("watch", deadline=Deadline.after(10)) == 0


def test_listening_sockets(keeper: Keeper, read: Reading) -> None:
    code = (
        "import socket\n"
        "a = socket.create_server(('127.0.0.1', 0)); b = socket.create_server(('127.0.0.2', 0))\n"
        "print(a.getsockname()[1], b.getsockname()[1], flush=True)\n"
        "a.accept()\n"
    )
    keeper.spawn("server", [sys.executable, "-S", "-c", code])
    with keeper.attach("server") as feed:
        said = b"".join(chunk.data for chunk in read(feed, lambda data, _: data.endswith(b"\n")))
    first, second = map(int, said.split())
    assert sorted(keeper.listening("server")) == [("127.0.0.1", first), ("127.0.0.2", second)]
    keeper.signal("server", signal.SIGKILL)
    keeper.wait_exit("server", deadline=LONG)
    assert keeper.listening("server") == []


def test_a_program_that_is_absent_is_named(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"the program no-such-program was not found in any folder of PATH"):
        keeper.spawn("job", ["no-such-program"])
    with pytest.raises(InfrastructureError, match=rf"the program {tmp_path}/x was not found"):
        keeper.spawn("job", [str(tmp_path / "x")])
    keeper.spawn("job", ["true"])
    assert keeper.wait_exit("job", deadline=LONG) == 0


def test_a_program_of_another_machine_and_a_folder_that_is_absent(keeper: Keeper, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    with pytest.raises(InfrastructureError, match=r"program cannot be started: .*Exec format error"):
        keeper.spawn("job", [str(program)])
    with pytest.raises(InfrastructureError, match=r"true cannot be started: .*gone: No such file"):
        keeper.spawn("job", ["true"], cwd=tmp_path / "gone")


def test_names_that_are_not_there_or_mean_something_else(keeper: Keeper) -> None:
    for ask in (keeper.exit_status, keeper.listening, lambda name: keeper.wait_exit(name, deadline=LONG)):
        with pytest.raises(UsageError, match="no process ghost; there are: none"):
            ask("ghost")
    with pytest.raises(UsageError, match="no stream ghost; there are: keeper"):
        keeper.attach("ghost")
    with pytest.raises(UsageError, match="has no byte -1"):
        keeper.attach("keeper", start=-1)
    with pytest.raises(UsageError, match="is a console"):
        keeper.spawn("keeper", ["true"])
    with pytest.raises(UsageError, match="no socket is held for key"):
        keeper.spawn("job", ["true"], fds=["key"])
    assert keeper.recording_error("ghost") is None


def test_children_end_in_their_order(start: Callable[[], Keeper], tmp_path: Path) -> None:
    keeper = start()
    said = tmp_path / "said"
    script = f'trap "echo $0 >> {said}; exit" TERM; echo ready; while :; do sleep 0.01; done'
    for name, order in (("last", 2), ("first", 0), ("second", 1)):
        keeper.spawn(name, ["sh", "-c", script, name], stop_order=order)
        with keeper.attach(name) as feed:
            read_line(feed)
    keeper.close()
    assert said.read_text().split() == ["first", "second", "last"]


def test_a_child_that_ignores_the_request_to_end_is_killed(start: Callable[[], Keeper], tmp_path: Path) -> None:
    keeper = start()
    script = 'trap "echo asked" TERM; echo ready; while :; do sleep 0.01; done'
    keeper.spawn("deaf", ["sh", "-c", script], record=tmp_path / "deaf")
    keeper.spawn("killed", ["sh", "-c", script], record=tmp_path / "killed", kill=True, stop_order=1)
    for name in ("deaf", "killed"):
        with keeper.attach(name) as feed:
            read_line(feed)
    with counting() as stalls:
        keeper.close()
        assert stalls.ran() < 2
    assert "asked" in (tmp_path / "deaf.log").read_text()
    assert (tmp_path / "killed.log").read_text() == "ready\n"


def read_line(feed: Feed) -> None:
    assert select.select([feed], [], [], 10)[0]
