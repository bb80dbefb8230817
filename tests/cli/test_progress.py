"""Progress of a boot: on a terminal it is redrawn, elsewhere it is a line a mark."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import sys
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

from hil.cli.progress import LiveProgress, PlainProgress, showing
from hil.clock import NANOSECONDS, now_ns
from hil.readiness.condition import Condition, Truth
from hil.readiness.readiness import Readiness
from hil.timeline.timeline import Mark

SHOW = """
from hil.cli.progress import showing
from hil.clock import now_ns
from hil.timeline.timeline import Mark
with showing("n1", plain=False) as progress:
    progress.mark(Mark("power", now_ns(), 0, "hil", "switched on"))
    progress.mark(Mark("firmware", now_ns(), 0, "console", "UEFI [red]words[/red]"))
"""


def test_elsewhere_it_is_a_line_a_mark(capsys: pytest.CaptureFixture[str]) -> None:
    with showing("n1", plain=False) as progress:
        assert isinstance(progress, PlainProgress)
        progress.mark(Mark("power", 5 * NANOSECONDS, 0, "hil", "switched on"))
        progress.mark(Mark("ipxe", 17 * NANOSECONDS, 0, "console", "iPXE 1.21.1"))
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "n1 [   0.000s] power           switched on",
        "n1 [  12.000s] ipxe            iPXE 1.21.1",
    ]
    assert captured.out == ""


def test_what_two_sources_see_has_one_line_as_the_first_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with showing("n1", plain=True) as progress:
        progress.mark(Mark("power", 0, 0, "hil", "switched on"))
        progress.mark(Mark("rom-lease", 540_000_000, 0, "dnsmasq", "10.0.2.11 (DHCPACK)"))
        progress.mark(Mark("rom-lease", 550_000_000, 0, "console", "NET 10.0.2.11"))
        progress.mark(Mark("pxe", 4_715_000_000, 0, "console", ">>Start PXE over IPv4"))
        progress.mark(Mark("pxe", 4_736_000_000, 0, "dnsmasq", "DHCPDISCOVER"))
    assert [shown.split()[3:5] for shown in capsys.readouterr().err.splitlines()] == [
        ["power", "switched"],
        ["rom-lease", "10.0.2.11"],
        ["pxe", ">>Start"],
    ]
    live = LiveProgress("n1")
    live.mark(Mark("pxe", now_ns(), 0, "console", ">>Start PXE over IPv4"))
    live.mark(Mark("pxe", now_ns(), 0, "dnsmasq", "DHCPDISCOVER"))
    assert live.__rich__().plain.count("] pxe ") == 1


def on_a_terminal(code: str) -> str:
    """What a program prints on standard error, when that is a terminal of 120 columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        seen = b""
        while select.select([ours], [], [], 30)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the terminal's last user has gone (pty(7): EIO)
                break
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait() == 0
    os.close(ours)
    return seen.decode()


def test_on_a_terminal_it_is_redrawn_and_taken_away() -> None:
    seen = on_a_terminal(SHOW)
    assert "switched on" in seen
    # What a machine says is text and no markup.
    assert "UEFI [red]words[/red]" in seen
    assert "waiting for pxe: the firmware asks for an address and a boot file" in seen
    # The cursor comes back, and the drawing is erased (ECMA-48: EL).
    assert seen.rstrip().endswith("\x1b[2K") or "\x1b[2K" in seen
    assert seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l") >= 0


def test_on_a_terminal_each_condition_is_shown_as_it_is_now() -> None:
    now = now_ns()
    conditions = (
        Condition("talos.stage", Truth.TRUE, "running", "running", "api", now),
        Condition("tailscale.ping", Truth.FALSE, "a pong", "none came", "peer", now),
        Condition("spin.http", Truth.UNKNOWN, "200", "no answer", "http", None),
    )
    progress = LiveProgress("n1", lambda: Readiness("n1", conditions))
    progress.mark(Mark("power", now, 0, "hil", "switched on"))
    progress.mark(Mark("talos.stage", now, 0, "api", "true: running"))
    text = progress.__rich__()
    lines = text.plain.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["condition", "talos.stage", "tailscale.ping", "spin.http"]
    styles = {text.plain[span.start : span.end].split()[0]: span.style for span in text.spans}
    assert (styles["talos.stage"], styles["tailscale.ping"], styles["spin.http"]) == ("green", "red", "dim")
    assert "true: running" not in text.plain


def test_plain_lines_on_a_terminal_that_a_program_reads() -> None:
    seen = on_a_terminal(SHOW.replace("plain=False", "plain=True"))
    assert "\x1b" not in seen
    assert seen.splitlines()[0].startswith("n1 [   0.000s] power")


def test_what_is_shown_between_two_marks() -> None:
    live = LiveProgress("n1")
    assert live.__rich__().plain == "n1: switching on"
    live.mark(Mark("power", now_ns() - 2 * NANOSECONDS, 0, "hil", "on"))
    *_, last = live.__rich__().plain.splitlines()
    assert last.startswith("n1: 2.")
    assert last.endswith(" s, waiting for firmware: the firmware's first words on the console")
    live.mark(Mark("ready", now_ns(), 0, "http", "GET"))
    *_, last = live.__rich__().plain.splitlines()
    assert last.startswith("n1: 2.")
    assert last.endswith(" s")
