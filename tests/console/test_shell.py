"""Commands over a console with a real shell behind a terminal that echoes, and a kernel that prints in between."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.deadlines import once
from support.process_table import over
from support.terminal import PROMPT, WITH_TIMES, WITHOUT_TIMES, Kernel, TerminalShell

import hil.console.shell
from hil.clock import Deadline, hold
from hil.console.console import Console
from hil.console.shell import Ran, ShellSession
from hil.errors import InfrastructureError, NodeError, UsageError
from hil.redaction import Redactor

SHELLS = {"sh": ["sh", "-i"], "busybox": ["busybox", "sh", "-i"]}
HERE = [name for name, argv in SHELLS.items() if shutil.which(argv[0])]
EVERY_BYTE = bytes(range(256))


class Machine:
    """A console, the session on it, and what stands behind."""

    def __init__(self, argv: list[str], home: Path) -> None:
        self.home = home
        self.wire = TerminalShell(argv, home)
        self.console = Console(self.wire, name="n1")
        self.session = ShellSession(self.console, PROMPT, patience=0.15)
        # An interrupt while it starts would end it.
        self.console.expect(re.escape(PROMPT), within=20)

    def run(self, command: str | bytes, within: float = 20.0) -> Ran:
        return self.session.run(command, Deadline.after(within))

    def run_until(self, happened: Callable[[], bool], command: str, within: float) -> Ran:
        """Its time, of which messages say how long it was, is over when something has happened."""
        with once(happened, within) as deadline:
            return self.session.run(command, deadline)

    def asked(self, what: bytes) -> Callable[[], bool]:
        """Says whether such a request was typed, from now on."""
        before = len(self.wire.written)
        return lambda: any(b" %s " % what in line for line in self.wire.written[before:])

    def printed(self, words: bytes) -> Callable[[], bool]:
        """Says whether the next command has printed that by now, after all else."""
        before = len(self.folders())

        def has_printed() -> bool:
            try:
                return any((folder / "out").read_bytes().endswith(words) for folder in self.folders()[before:])
            except OSError:
                return False

        return has_printed

    def type(self, text: bytes, until: str) -> None:
        """By hand, as a test does."""
        self.console.send(text)
        self.console.expect(until, within=10)

    def rests(self) -> None:
        """Until its prompt is the last that it said: a command's end does not wait for that long."""
        said, deadline = self.console.transcript, Deadline.after(20)
        while not said.bytes(0, said.end).endswith(PROMPT):
            assert not deadline.expired
            hold(0.01)
            self.console.poll()

    def at_go(self, happens: Callable[[], None]) -> None:
        """When the command is about to run, the machine falls silent and this happens."""

        def look(data: bytes) -> None:
            if b" run " in data:
                self.wire.on_output = lambda data: b""
                happens()

        self.wire.on_write = look

    def folders(self) -> list[Path]:
        """What the script made on the machine, which is this host."""
        calls = re.findall(rb"\bhil_[0-9a-f]{8} ([0-9a-f]{8}) ([0-9a-f]{8})\r", b"".join(self.wire.written))
        return [Path(f"/tmp/hil-{one.decode()}{two.decode()}") for one, two in calls]

    def end(self) -> None:
        self.wire.end()
        for folder in self.folders():
            shutil.rmtree(folder, ignore_errors=True)

    def replace(self, program: str, script: str) -> None:
        """Put a script in place of a program of the machine, {} in it being the real one."""
        place = self.home / program
        place.write_text("#!/bin/sh\n" + script.format(shutil.which(program)) + "\n")
        place.chmod(0o755)

    def typed(self) -> list[bytes]:
        return [line for line in self.wire.written if not line.startswith(b"\x15")]


@pytest.fixture(scope="module", params=HERE)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One for tests that leave it as it was, with each shell that is installed here."""
    machine = Machine(SHELLS[request.param], tmp_path_factory.mktemp("machine"))
    yield machine
    machine.end()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(SHELLS["sh"], tmp_path)
    yield machine
    machine.end()


def octal(data: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in data)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    out=st.binary(max_size=300),
    err=st.binary(max_size=40),
    status=st.integers(0, 255),
    seed=st.integers(0, 1000),
    timed=st.booleans(),
)
@example(out=EVERY_BYTE, err=EVERY_BYTE[::-1], status=255, seed=1, timed=True)
@example(out=b"", err=b"", status=0, seed=2, timed=True)
@example(out=b"no newline", err=b"\n", status=1, seed=3, timed=False)
@example(out=b"\r\n\r", err=b"\x03\x15\x04", status=2, seed=4, timed=True)
def test_status_and_both_outputs_arrive_while_the_kernel_prints(
    shared: Machine, out: bytes, err: bytes, status: int, seed: int, timed: bool
) -> None:
    shared.wire.on_output = Kernel(seed, WITH_TIMES if timed else WITHOUT_TIMES, 60 if timed else 300)
    try:
        ran = shared.run(f"printf '{octal(out)}'; printf '{octal(err)}' >&2; exit {status}")
    finally:
        shared.wire.on_output = lambda data: data
    assert ran == Ran(status, out, err)


@pytest.mark.parametrize("number", [1, 2, 9, 11, 15])
def test_a_signal_that_ends_a_command_is_in_its_status(shared: Machine, number: int) -> None:
    assert shared.run(f"echo before; kill -{number} $$; sleep 20") == Ran(128 + number, b"before\n", b"")


@pytest.mark.parametrize(
    "command",
    [
        "echo \"a b\"  'c' $((1+1))\n",
        "echo ends in a full stop.",
        "printf '%s' 'ends in a newline\n'\n\n",
        "cat <<'E'\n$HOME `id` \"quoted\" \\\\ !x\nE\n",
        b"printf '%s' '\xc3\xa9\x80\xff\x03\x04\x15\x7f\x1b[6n\t'",
        "echo 1; echo 2 \\\n  3 # a comment",
        "",
        ": " + "x" * 100_000 + "; echo end",
    ],
)
def test_a_command_arrives_as_it_was_given(shared: Machine, command: str | bytes) -> None:
    raw = command if isinstance(command, bytes) else command.encode()
    script = shared.home / "script"
    script.write_bytes(raw)
    here = subprocess.run(["sh", script], cwd=shared.home, capture_output=True, check=False)
    # A part of it that was sent again would have it all brought over anew.
    ran = ShellSession(shared.console, PROMPT, patience=60).run(command, Deadline.after(120))
    assert (ran.status, ran.stdout) == (here.returncode, here.stdout)


def test_a_megabyte(shared: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hil.console.shell, "_LARGER_WHEN_WITHIN_NS", 1 << 60)
    patient = ShellSession(shared.console, PROMPT, patience=60)
    data = os.urandom(1 << 20)
    (shared.home / "data").write_bytes(data)
    before = len(shared.typed())
    assert patient.run("cat data; cat data >&2", Deadline.after(300)) == Ran(0, data, data)
    # In blocks that grow: of the first's size it would take 512.
    assert len(shared.typed()) - before < 200


def test_much_output_while_the_kernel_prints_all_the_time(shared: Machine) -> None:
    data = os.urandom(20_000)
    (shared.home / "data").write_bytes(data)
    shared.wire.on_output = Kernel(5, WITH_TIMES, 100)
    try:
        assert shared.run("cat data") == Ran(0, data, b"")
    finally:
        shared.wire.on_output = lambda data: data


def test_the_command_is_not_the_shell_of_the_console(shared: Machine) -> None:
    shared.run("cd /; set -e; export LEFT=1; exit 3")
    ran = shared.run("pwd; echo $LEFT; tty; read line; echo $?")
    assert ran.stdout.split(b"\n")[:4] == [str(shared.home).encode(), b"", b"not a tty", b"1"]
    assert [name for name in shared.run("env").stdout.split() if name.startswith((b"_t=", b"_d="))] == []


def test_a_program_left_in_the_background_does_not_hold_it(shared: Machine) -> None:
    ran = shared.run("sleep 30 & echo $!")
    os.kill(int(ran.stdout), 15)


def test_nothing_is_left_on_the_machine(shared: Machine) -> None:
    with pytest.raises(NodeError):
        shared.run("sleep 60", within=0.1)
    shared.run("true")
    deadline = Deadline.after(10)
    while any(folder.exists() for folder in shared.folders()) and not deadline.expired:
        hold(0.01)
    assert [folder for folder in shared.folders() if folder.exists()] == []


def test_what_was_left_for_want_of_time_is_removed_by_the_next_command(machine: Machine) -> None:
    machine.run("true")
    machine.wire.on_output = lambda data: data.replace(b"AAAA", b"AAAB")
    forgets = machine.console.send_line

    def send(line: bytes) -> None:
        """Have it interrupted before it hears its end, as a machine that is slow to read is."""
        forgets(b"\x03" if line.endswith(b" bye") else line)

    machine.console.send_line = send  # type: ignore[method-assign, assignment]
    with pytest.raises(NodeError, match="unharmed"):
        machine.run_until(machine.asked(b"get"), "head -c 3000 /dev/zero", within=1.0)
    machine.console.send_line = forgets  # type: ignore[method-assign]
    machine.wire.on_output = lambda data: data
    folder = machine.folders()[-1]
    assert folder.exists()
    machine.run("true")
    assert not folder.exists()


def test_what_a_command_prints_is_for_the_user_of_the_console_alone(shared: Machine) -> None:
    listed = shared.run("ls -ld /tmp/hil-*").stdout.decode().splitlines()
    assert [line[:10] for line in listed if line.endswith(shared.folders()[-1].name)] == ["drwx------"]


def test_a_command_that_hangs_is_killed_and_its_words_are_told(shared: Machine) -> None:
    with pytest.raises(NodeError) as caught:
        shared.run_until(shared.printed(b"half"), "echo pid $$; echo why >&2; printf half; sleep 60", within=1.0)
    assert "'echo pid $$; echo why >&2; printf half; sleep 60' did not end within 1 s; it was killed" in str(
        caught.value
    )
    asked = [b" run " in line for line in shared.wire.written]
    last = len(asked) - asked[::-1].index(True)
    assert shared.wire.written[last].startswith(b"\x03")
    pid, *rest = caught.value.evidence
    assert rest == ["stdout: half", "stderr: why"]
    assert over(int(pid.split()[-1]), Deadline.after(10))
    assert shared.run("echo on").stdout == b"on\n"


def test_a_command_that_heeds_no_interrupt_is_killed_too(shared: Machine) -> None:
    with pytest.raises(NodeError, match="it was killed") as caught:
        shared.run_until(
            shared.printed(b"\n"), "trap '' INT QUIT TERM; echo $$; while :; do sleep 1; done", within=1.0
        )
    assert over(int(caught.value.evidence[0].split()[-1]), Deadline.after(10))


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        (b"echo started; cat\r", r"started\r"),
        (b"echo 'open\r", r"open"),
        (b"touch never; ", r"touch never"),
        (b"trap '' INT; echo started; sleep 60\r", r"started\r"),
    ],
)
def test_whatever_holds_the_console_is_ended_first(machine: Machine, typed: bytes, until: str) -> None:
    machine.run("true")
    machine.type(typed, until)
    assert machine.run("echo back").stdout == b"back\n"
    assert not (machine.home / "never").exists()


def test_a_new_shell_is_told_the_script_again(machine: Machine) -> None:
    machine.run("true")
    # Not the prompt before, which may come only now: an interrupt while the new shell starts would end it.
    machine.type(b"exec sh -i\r", r"exec sh -i\r\n[^$]{0,200}\$ $")
    assert machine.run("echo new").stdout == b"new\n"


@pytest.mark.parametrize("asks", [b"", b"\x1b[6n"])
def test_a_shell_that_was_left_at_its_prompt_is_not_looked_for(machine: Machine, asks: bytes) -> None:
    machine.wire.on_output = lambda data: data.replace(PROMPT, PROMPT + asks)
    patient = ShellSession(machine.console, PROMPT, patience=60)
    patient.run("true", Deadline.after(20))
    before = len(machine.wire.written)
    patient.run("true", Deadline.after(20))
    words = [re.sub(rb"^[0-9a-f]{8} ", b"", line)[:5] for line in machine.wire.written[before:]]
    assert words == [b"\x15hil_", b"put 1", b"run 2", b"bye\r"]


def test_what_is_printed_twice_needs_to_come_whole_only_once(machine: Machine) -> None:
    first = re.compile(rb"(?m)^(>?[0-9a-f]{8})(?=[0-9a-f]{8}[ \r])")
    machine.wire.on_output = lambda data: first.sub(rb"\1\r\n", data)
    patient = ShellSession(machine.console, PROMPT, patience=60)
    assert patient.run("echo it", Deadline.after(20)).stdout == b"it\n"


def test_the_console_is_at_its_prompt_afterwards(machine: Machine) -> None:
    machine.run("true")
    assert b"machine$ " in machine.console.run("echo by hand", prompt=rb"\nmachine\$ $", within=10) + PROMPT
    assert machine.run("echo again").stdout == b"again\n"


def test_a_shell_that_the_command_ends_is_said_at_once(machine: Machine) -> None:
    with pytest.raises(NodeError, match="the shell that ran it ended before"):
        machine.run("kill -9 $PPID; sleep 1")
    assert machine.run("echo on").stdout == b"on\n"
    machine.rests()
    assert [folder for folder in machine.folders() if folder.exists()] == []


def test_requests_whose_answers_are_lost_are_sent_again_and_the_command_runs_once(machine: Machine) -> None:
    machine.run("true")
    ends, lost = re.compile(rb">([0-9a-f]{16}) (\d+)>[^\r]*"), set()

    def lose(data: bytes) -> bytes:
        """Break the first answer's end, to each request."""

        def broken(found: re.Match[bytes]) -> bytes:
            if found[2] in lost:
                return found[0]
            lost.add(found[2])
            return found[0].replace(found[1], found[1][:5] + b"\r\n" + found[1][5:])

        return ends.sub(broken, data)

    machine.wire.on_output = lose
    count = machine.home / "count"
    assert machine.run(f"echo once >> {count}; cat {count}").stdout == b"once\n"
    assert count.read_text() == "once\n"
    assert lost == {b"0", b"1", b"2"}


def test_a_command_that_came_over_wrong_is_not_run(machine: Machine) -> None:
    machine.run("true")
    write = machine.wire.write
    spoiled: list[bytes] = []

    def spoil(data: bytes) -> None:
        if b" put " in data and not spoiled:
            spoiled.append(data)
            data = data.replace(b"dG", b"dH")
        write(data)

    machine.wire.write = spoil  # type: ignore[method-assign]
    log = machine.home / "log"
    before = len(machine.typed())
    patient = ShellSession(machine.console, PROMPT, patience=60)
    assert patient.run(f"touch {log}1 && ls {machine.home}", Deadline.after(60)) == Ran(0, b"log1\n", b"")
    assert len(spoiled) == 1
    assert sum(b" put " in line for line in machine.typed()[before:]) == 2


def test_output_that_never_arrives_right_is_never_guessed(machine: Machine) -> None:
    machine.run("true")
    machine.wire.on_output = lambda data: data.replace(b"AAAA", b"AAAB")
    with pytest.raises(NodeError, match=r"ended, but within 1 s only 0 bytes of its result came .* unharmed"):
        machine.run_until(machine.asked(b"get"), "head -c 3000 /dev/zero", within=1.0)
    machine.wire.on_output = lambda data: data
    assert machine.run("echo on").stdout == b"on\n"


def test_output_with_a_secret_is_said_at_once_and_the_shell_stays(machine: Machine) -> None:
    machine.wire.on_output = Redactor(["open-sesame-in-the-output"]).stream().feed
    with pytest.raises(UsageError, match="what the command printed holds a secret"):
        machine.run("printf 'open-sesame-%s-output' in-the")
    machine.rests()
    assert [folder for folder in machine.folders() if folder.exists()] == []
    machine.wire.on_output = lambda data: data
    assert machine.run("echo on").stdout == b"on\n"


def test_blocks_get_smaller_until_one_comes_through(machine: Machine) -> None:
    machine.run("true")
    said = 0

    def asked(data: bytes) -> None:
        nonlocal said
        said = 0

    def after_a_kilobyte(data: bytes) -> bytes:
        nonlocal said
        place, said = 1000 - said, said + len(data)
        return data[:place] + b"noise\r\n" + data[place:] if 0 <= place < len(data) else data

    machine.wire.on_write, machine.wire.on_output = asked, after_a_kilobyte
    data = os.urandom(6000)
    (machine.home / "data").write_bytes(data)
    assert machine.run("cat data", within=10).stdout == data


def test_a_machine_that_kept_less_than_was_printed_is_not_believed(machine: Machine) -> None:
    machine.replace("head", 'exec {} -c 7 "$3"')
    with pytest.raises(NodeError, match=r"the machine kept \d+ of \d+ bytes"):
        machine.run("echo more than seven")


def test_what_a_program_in_the_background_prints_too_late_is_left_out(machine: Machine) -> None:
    machine.replace("wc", '{} "$@"; echo late >> "$2"; echo late >> "$3"')
    assert machine.run("echo out; echo err >&2") == Ran(0, b"out\n", b"err\n")


def test_a_machine_that_goes_off_ends_it(machine: Machine) -> None:
    machine.run("true")
    machine.at_go(machine.wire.ends)
    with pytest.raises(NodeError, match="the machine went off"):
        machine.run("true")


def test_a_machine_that_is_off_is_said_at_once_and_not_typed_to(machine: Machine) -> None:
    machine.run("true")
    machine.rests()
    machine.wire.on_output = lambda data: b""
    machine.wire.ends()
    written = len(machine.wire.written)
    with pytest.raises(NodeError, match="the machine went off"):
        machine.run("true")
    assert machine.wire.written[written:] == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0\r\n", "the kernel panicked: Attempted"),
        (b"UEFI firmware (version 2022.11)\r\n", "the machine restarted before"),
        (b"[    0.000000] Booting Linux on physical CPU 0x0000000000\r\n", "the machine restarted before"),
    ],
)
def test_a_machine_that_dies_or_restarts_ends_it(machine: Machine, words: bytes, why: str) -> None:
    machine.run("true")
    machine.at_go(lambda: machine.wire.says(words))
    with pytest.raises(NodeError, match=re.escape(why)):
        machine.run("sleep 5")


def test_a_machine_that_restarts_is_not_typed_to_before_its_shell_waits(machine: Machine) -> None:
    machine.run("true")
    machine.rests()
    machine.wire.on_output = lambda data: b""
    machine.wire.says(b"UEFI firmware (version 2022.11)\r\n>>Start PXE over IPv4")
    written = len(machine.wire.written)
    with pytest.raises(NodeError, match=r"no shell answered on the console within 0.2 s"):
        machine.run("true", within=0.2)
    assert machine.wire.written[written:] == []
    machine.wire.on_output = lambda data: data
    machine.wire.says(b"\r\n" + PROMPT)
    assert machine.run("echo up") == Ran(0, b"up\n", b"")


def test_a_prompt_that_came_late_before_a_restart_is_no_shell_that_waits(machine: Machine) -> None:
    machine.run("true")
    machine.rests()
    machine.wire.on_output = lambda data: b""
    machine.wire.says(b"\r\n" + PROMPT)
    for _ in range(2):
        machine.wire.says(b"UEFI firmware (version 2022.11)\r\n>>Start PXE over IPv4\r\n")
    written = len(machine.wire.written)
    with pytest.raises(NodeError, match=r"no shell answered on the console within 0.2 s"):
        machine.run("true", within=0.2)
    assert machine.wire.written[written:] == []


def test_a_shell_that_is_slow_to_answer_is_not_told_twice_what_it_heard(machine: Machine) -> None:
    machine.run("true")
    machine.rests()

    def late(data: bytes) -> bytes:
        """Not before something else was typed: for longer than the session has patience."""
        machine.wire.on_output = lambda data: data
        heard, deadline = len(machine.wire.written), Deadline.after(10)
        while len(machine.wire.written) == heard and not deadline.expired:
            hold(0.01)
        return data

    called = re.compile(rb"\bhil_[0-9a-f]{8} ")

    def told(data: bytes) -> None:
        if called.search(data):
            machine.wire.on_write = lambda data: None
            machine.wire.on_output = late

    machine.wire.on_write = told
    before = len(machine.wire.written)
    assert machine.run("echo up; exit 73") == Ran(73, b"up\n", b"")
    typed = machine.wire.written[before:]
    first = next(index for index, line in enumerate(typed) if called.search(line))
    assert typed[first + 1].startswith(b"\x15echo")


def test_a_machine_that_takes_longer_to_begin_than_a_session_has_patience_at_first_is_waited_for(
    machine: Machine,
) -> None:
    machine.replace("mkdir", 'sleep 0.5; exec {} "$@"')
    assert machine.run("echo up; exit 73") == Ran(73, b"up\n", b"")


def test_lines_that_are_no_requests_are_not_taken_for_some(machine: Machine) -> None:
    said: list[bytes] = []

    def look(data: bytes) -> None:
        if b" put " in data and not said:
            said.append(data)
            machine.wire.write(b"kill 9 4096 0\r0badbeef kill 9 4096 0\r0badbeef put 1 ZXhpdCAw\r0badbeef bye\r")

    machine.wire.on_write = look
    assert machine.run("echo up; exit 73") == Ran(73, b"up\n", b"")
    assert said


def test_what_did_not_begin_cannot_be_killed(machine: Machine) -> None:
    asked: list[bytes] = []

    def look(data: bytes) -> None:
        if b" run " in data and not asked:
            asked.append(data)
            machine.wire.write(data.split()[0] + b" kill 9 4096 0\r")

    machine.wire.on_write = look
    assert machine.run("echo up; exit 73") == Ran(73, b"up\n", b"")
    assert asked


def test_a_command_that_never_came_over_is_not_said_to_be_killed(machine: Machine) -> None:
    machine.run("true")

    def look(data: bytes) -> None:
        if b" put " in data:
            machine.wire.on_output = lambda data: b""
        elif data.startswith(b"\x03"):
            machine.wire.on_output = lambda data: data

    machine.wire.on_write = look
    with pytest.raises(NodeError, match=r"did not end within 2 s; it had not even begun") as caught:
        machine.run_until(machine.asked(b"put"), "true", within=2.0)
    assert caught.value.evidence == ("it had printed nothing",)


def test_words_of_death_in_a_commands_output_are_no_death(machine: Machine) -> None:
    words = b"Kernel panic - not syncing: old news\nUEFI firmware (version 1)\n"
    assert machine.run(b"printf %s '" + words + b"'").stdout == words


def test_where_no_shell_answers_it_is_said(machine: Machine) -> None:
    machine.wire.on_output = lambda data: b""
    machine.wire.says(b"\r\nlogin: ")
    with pytest.raises(NodeError, match=r"no shell answered on the console within 0.3 s") as caught:
        machine.run("true", within=0.3)
    assert caught.value.evidence[-1].startswith("login:")


def test_a_keeper_that_is_gone_is_the_benchs_fault(machine: Machine) -> None:
    machine.run("true")
    machine.at_go(machine.wire.hang_up)
    with pytest.raises(InfrastructureError, match="stream was closed"):
        machine.run("true")


@pytest.mark.parametrize(("command", "why"), [("a\0b", "holds a zero byte"), ("x" * (1 << 17), "more than 131071")])
def test_what_no_shell_can_be_given_is_refused(machine: Machine, command: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        machine.run(command)
    assert machine.wire.written == []
