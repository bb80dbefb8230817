"""The console: waits that miss nothing, end at once when the machine dies, and say why."""

from __future__ import annotations

import itertools
import select
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline, hold
from hil.console.console import Console, Pace
from hil.console.deaths import DEFAULT_DEATHS, without
from hil.errors import InfrastructureError, NodeError, UsageError

if TYPE_CHECKING:
    from conftest import Wire

PANIC = b"[ 1.0] Kernel panic - not syncing: sysrq triggered crash\r\n"
NO_DHCP = b"Configuring (net0)... No configuration methods succeeded (https://ipxe.org/040ee119)\r\n"


def once_it_waits(wire: Wire, *acts: Callable[[], None]) -> None:
    """These happen in another thread, one after another, once the console has begun to wait: it asks on what."""
    fileno = wire.fileno

    def happen() -> None:
        for act in acts:
            hold(0.05)
            act()

    def waits() -> int:
        wire.fileno = fileno  # type: ignore[method-assign]
        threading.Thread(target=happen, daemon=True).start()
        return fileno()

    wire.fileno = waits  # type: ignore[method-assign]


def test_nothing_is_missed_between_two_waits(wire: Wire, console: Console) -> None:
    wire.says(b"one two three", stamp_ns=5)
    wire.says(b" four", stamp_ns=6)
    found = [console.expect(word, within=1) for word in ("one", "three", "four")]
    assert [(one.start, one.end, one.stamp_ns) for one in found] == [(0, 3, 5), (8, 13, 5), (14, 18, 6)]
    assert console.cursor == 18


def test_a_wait_goes_on_until_the_words_arrive(wire: Wire, console: Console) -> None:
    once_it_waits(wire, partial(wire.says, b"log"), partial(wire.says, b"in: "))
    found = console.expect("login: ", b"never", within=Deadline.after(5))
    assert (found.index, found.pattern, found.text) == (0, "login: ", "login: ")


def test_a_waiting_console_sleeps(wire: Wire, console: Console) -> None:
    once_it_waits(wire, partial(hold, 0.25), partial(wire.says, b"x"))
    before = time.process_time()
    console.expect("x", within=5)
    assert time.process_time() - before < 0.15


def test_expiry_says_what_was_awaited_and_what_was_seen(wire: Wire, tmp_path: Path) -> None:
    console = Console(wire, name="n1", record=tmp_path / "console.log")
    wire.says(b"Booting\r\n\x1b[1mwaiting for network\r\n")
    with pytest.raises(NodeError) as late:
        console.expect("login:", "# ", within=0.05)
    assert late.value.message == (
        "n1: 'login:' or '# ' was not on the console within 0.05 s; 34 bytes came since the last match"
    )
    assert late.value.evidence == ("Booting", "waiting for network", str(tmp_path / "console.log"))


def test_expiry_in_silence_says_so(console: Console) -> None:
    with pytest.raises(NodeError, match="nothing was said since the last match"):
        console.expect("login:", within=0)


def test_no_pattern_is_a_usage_error(console: Console) -> None:
    with pytest.raises(UsageError, match="no pattern"):
        console.expect(within=1)


def test_a_new_incarnation_moves_the_cursor_to_its_start(wire: Wire, console: Console) -> None:
    wire.says(b"first boot: login: half a wo")
    console.expect("first boot", within=1)
    wire.ends()
    wire.says(b"rd")
    with pytest.raises(NodeError, match="'word'"):
        console.expect("word", within=0.05)
    wire.says(b" login:")
    found = console.expect("login:", within=1)
    assert found.start == 31
    assert console.transcript.incarnation == 2


def test_the_end_of_an_incarnation_ends_the_wait_at_once(wire: Wire, console: Console) -> None:
    wire.says(b"reboot: Power down\r\n")
    console.poll()
    once_it_waits(wire, wire.ends)
    with pytest.raises(
        NodeError, match=r"the machine went off \(incarnation 1 ended\) while 'login:' was awaited"
    ) as end:
        console.expect("login:", within=60)
    assert end.value.evidence == ("reboot: Power down",)


def test_an_end_and_a_new_start_in_one_read_end_the_wait_too(wire: Wire, console: Console) -> None:
    wire.says(b"one")
    console.poll()

    def restart() -> None:
        wire.ends()
        wire.says(b"login:")

    once_it_waits(wire, restart)
    with pytest.raises(NodeError, match="incarnation 1 ended"):
        console.expect("login:", within=60)
    assert console.expect("login:", within=1).start == 3


def test_words_before_the_end_are_still_found(wire: Wire, console: Console) -> None:
    console.poll()
    wire.says(b"Power down")
    wire.ends()
    assert console.expect("Power down", within=1).start == 0


def test_a_wait_that_begins_while_the_machine_is_off_waits_for_it_to_come_on(wire: Wire, console: Console) -> None:
    wire.says(b"old login:")
    wire.ends()
    console.poll()
    console.expect("old", within=1)
    once_it_waits(wire, partial(wire.says, b"new login:"))
    console.expect("new", within=5)
    wire.ends()
    console.poll()
    with pytest.raises(NodeError, match="the machine is off"):
        console.expect("never", within=0.05)


def test_the_end_of_what_was_over_before_ends_no_wait(wire: Wire) -> None:
    console = Console(wire, name="n1", over=1)
    once_it_waits(wire, wire.ends, partial(wire.says, b"UEFI firmware"))
    assert console.expect("UEFI", within=60).start == 0
    console.bury(2)
    once_it_waits(wire, partial(wire.says, b" UEFI again"), wire.ends, partial(wire.says, b"UEFI anew"))
    assert console.expect("UEFI", within=60).start == len("UEFI firmware UEFI again")


def test_a_death_of_what_was_over_before_is_none_for_a_wait_with_deaths_of_its_own(wire: Wire) -> None:
    console = Console(wire, name="n1", over=1)
    once_it_waits(wire, partial(wire.says, PANIC), wire.ends, partial(wire.says, b"UEFI firmware"))
    assert console.expect("UEFI", within=60, deaths=DEFAULT_DEATHS).start == len(PANIC)


def test_a_death_fails_any_wait_at_once_with_its_lines(wire: Wire, tmp_path: Path) -> None:
    console = Console(wire, name="n1", record=tmp_path / "console.log")
    once_it_waits(wire, partial(wire.says, PANIC))
    with pytest.raises(NodeError, match="n1: the kernel panicked: sysrq triggered crash") as dead:
        console.expect("login:", within=60)
    assert dead.value.evidence[-2:] == (PANIC.decode().strip(), str(tmp_path / "console.log"))
    with pytest.raises(NodeError, match="panicked"):
        console.check_deaths()


def test_the_line_that_says_the_death_is_shown_however_much_was_said_after_it(wire: Wire, console: Console) -> None:
    trace = [f"[ 1.{line}]  frame_{line}+0x10/0x20" for line in range(10, 40)]
    wire.says(PANIC + "".join(f"{line}\r\n" for line in trace).encode())
    with pytest.raises(NodeError) as death:
        console.expect("login:", within=60)
    assert death.value.evidence == (PANIC.decode().strip(), *trace[-12:])


def test_a_death_of_the_bench_is_an_infrastructure_error(wire: Wire, console: Console) -> None:
    wire.says(NO_DHCP)
    with pytest.raises(InfrastructureError, match="no DHCP server gave this machine an address"):
        console.poll()


def test_what_stands_before_a_death_is_found_and_what_stands_behind_it_is_not(wire: Wire, console: Console) -> None:
    wire.says(b"Run /init\r\n" + PANIC + b"login:")
    assert console.expect("Run /init", within=1).start == 0
    with pytest.raises(NodeError, match="panicked"):
        console.expect("login:", within=1)
    with pytest.raises(NodeError, match="panicked"):
        console.expect("Kernel panic", within=1)


def test_a_death_does_not_outlive_its_incarnation(wire: Wire, console: Console) -> None:
    wire.says(PANIC)
    with pytest.raises(NodeError):
        console.poll()
    wire.ends()
    wire.says(b"login:")
    assert console.poll()
    assert console.expect("login:", within=1)
    assert not console.poll()


def test_a_provoked_death_is_overlooked_inside_its_block_alone(wire: Wire, console: Console) -> None:
    with console.expecting_death("kernel panic"):
        wire.says(PANIC)
        console.expect("Kernel panic", within=1)
        wire.says(NO_DHCP)
        with pytest.raises(InfrastructureError):
            console.poll()
    wire.ends()
    wire.says(b"again ")
    console.expect("again", within=1)
    wire.says(PANIC)
    with pytest.raises(NodeError, match="panicked"):
        console.poll()


def test_a_death_before_the_block_is_not_overlooked(wire: Wire, console: Console) -> None:
    wire.says(PANIC)
    with console.expecting_death(), pytest.raises(NodeError):
        console.poll()


def test_only_deaths_that_exist_can_be_expected(console: Console) -> None:
    with pytest.raises(UsageError, match="no death pattern 'panic'"), console.expecting_death("panic"):
        pass


def test_a_wait_may_have_its_own_deaths(wire: Wire, console: Console) -> None:
    wire.says(PANIC + b"login: ")
    found = console.expect("login:", within=1, deaths=without(DEFAULT_DEATHS, "kernel panic"))
    assert found.text == "login:"
    console.check_deaths()
    wire.says(NO_DHCP)
    with pytest.raises(InfrastructureError):
        console.expect("never", within=1, deaths=without(DEFAULT_DEATHS, "kernel panic"))


def test_what_comes_behind_a_wait_with_its_own_deaths_counts_again(wire: Wire, console: Console) -> None:
    wire.says(b"login: " + PANIC)
    console.expect("login:", within=1, deaths=())
    with pytest.raises(NodeError, match="panicked"):
        console.poll()


def test_rearming_begins_the_count_of_banners_anew(wire: Wire, console: Console) -> None:
    banner = b"UEFI firmware (version 1)\r\n"
    wire.says(banner * 2)
    console.poll()
    console.rearm()
    wire.says(banner * 2)
    assert console.poll()
    wire.says(banner)
    with pytest.raises(NodeError, match="third time"):
        console.poll()


@pytest.mark.parametrize("closed", ["hung up", "corrupt"])
def test_a_closed_stream_is_an_error_of_the_bench(wire: Wire, console: Console, closed: str) -> None:
    wire.says(b"last words\r\n")
    console.poll()
    if closed == "corrupt":
        wire._theirs.sendall(b"\xff" * 64)
    wire.hang_up()
    with pytest.raises(InfrastructureError, match="n1: the console's stream was closed") as error:
        console.expect("login:", within=60)
    assert error.value.evidence == ("last words",)


def test_sending_at_once_is_one_write(wire: Wire, console: Console) -> None:
    console.send("uname -a\n")
    console.send(b"")
    console.send_line("caf\xe9")
    assert wire.written == [b"uname -a\n", b"caf\xc3\xa9\r"]


def test_paced_sending_goes_in_chunks_and_takes_in_what_is_said_meanwhile(wire: Wire, console: Console) -> None:
    times: list[float] = []

    def echo(data: bytes) -> None:
        times.append(time.monotonic())
        wire.says(data)

    wire.on_write = echo
    console.send(b"abcdefgh", pace=Pace(chunk=3, interval=0.03))
    assert wire.written == [b"abc", b"def", b"gh"]
    assert console.transcript.bytes(0, 9) == b"abcdef"
    assert min(late - early for early, late in itertools.pairwise(times)) >= 0.03


def test_a_machine_that_dies_while_it_is_typed_to_is_noticed(wire: Wire, console: Console) -> None:
    wire.on_write = lambda data: wire.says(PANIC)
    with pytest.raises(NodeError, match="panicked"):
        console.send(b"abcdef", pace=Pace(chunk=1, interval=0.02))
    assert wire.written == [b"a"]


def test_sending_to_a_closed_stream_is_an_error_of_the_bench(wire: Wire, console: Console) -> None:
    wire.hang_up()
    with pytest.raises(InfrastructureError, match="stream was closed"):
        console.send("x")


def test_a_command_returns_what_was_said_until_the_next_prompt(wire: Wire, console: Console) -> None:
    wire.says(b"old # output # ")
    wire.on_write = lambda data: wire.says(data + b"\naarch64\r\n# ")
    assert console.run("uname -m", prompt="# ", within=1) == b"uname -m\r\naarch64\r\n"
    assert console.run("", prompt=b"# ", within=1) == b"\r\naarch64\r\n"


def test_it_can_be_waited_for_with_select_and_closed(wire: Wire, console: Console) -> None:
    assert select.select([console], [], [], 0)[0] == []
    wire.says(b"x")
    assert select.select([console], [], [], 1)[0] == [console]
    assert console.poll()
    assert console.tail() == ["x"]
    console.close()
    assert console.fileno() == -1


@settings(max_examples=unless_quick(30))
@given(st.lists(st.binary(min_size=1, max_size=5), max_size=12))
def test_successive_waits_find_each_planted_word_once(new_wire: type[Wire], between: list[bytes]) -> None:
    wire = new_wire()
    console = Console(wire, name="n1", deaths=())
    for number, noise in enumerate(between):
        word = b"<%03d>" % number
        wire.says(noise + word[:2])
        wire.says(word[2:])
    found = [console.expect(rb"<[0-9]{3}>", within=1).data for _ in between]
    assert found == [b"<%03d>" % number for number in range(len(between))]
    wire.hang_up()
    console.close()


def test_a_death_before_lost_bytes_is_seen_even_when_both_come_in_one_read(wire: Wire, console: Console) -> None:
    wire.says(PANIC)
    wire.offset += 1000
    wire.says(b"after the gap")
    with pytest.raises(NodeError, match="panicked"):
        console.poll()
