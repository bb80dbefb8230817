"""The `hil` program: its subcommands, its exit codes, and what is left when something nobody expected happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from support.rigs import HIL

from hil import __version__, cli
from hil.errors import ConfigError, HilBug, InfrastructureError, MissingPart, NodeError, Problem, UsageError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """`failing(error)`: from now on `hil rig` raises it."""

    def set_error(error: BaseException) -> None:
        @click.command("rig")
        def command() -> None:
            raise error

        monkeypatch.setattr("hil.cli.rig.command", command)

    return set_error


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, summary in cli.COMMANDS.items():
        assert f"  {name} " in out
        assert summary.split()[0] in out


def test_every_command_that_is_listed_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        assert cli.run([name, "--help"]) == 0, name
        assert "--help" in capsys.readouterr().out


def test_help_imports_no_command() -> None:
    code = "import sys; from hil.cli import run; run(['--help']); print(sorted(m for m in sys.modules if '.' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in (
        "hil.cli.boot",
        "hil.redaction",
        "pydantic.",
        "ruamel.",
        "rich.",
        "urllib3.",
        "asyncio.",
        "hil.config",
    ):
        assert heavy not in done.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"hil, version {__version__}\n"


@pytest.mark.parametrize(
    ("word", "meant"), [("boto", "Did you mean 'boot'?"), ("rigs", "Did you mean 'rig'?"), ("zzz", "")]
)
def test_an_unknown_command(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([word]) == 2
    err = capsys.readouterr().err
    assert f"Error: No such command '{word}'." in err
    assert (meant in err) if meant else ("Did you mean" not in err)


def test_an_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--jsno"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_a_listed_module_without_a_command_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.cli.rig.command", None)
    assert cli.run(["rig", "check"]) == HilBug.exit_code == 70


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NodeError("n1: it panicked", hint="look"), 1),
        (UsageError("no such thing", hint="look"), 2),
        (ConfigError([Problem("rig.yaml", 1, 2, "x", "wrong")]), 2),
        (InfrastructureError("no QEMU", hint="look"), 3),
        (MissingPart("no meter", hint="look"), 3),
        (HilBug("odd", hint="report"), 70),
    ],
)
def test_an_error_is_words_and_its_exit_code(
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    error: NodeError,
    code: int,
) -> None:
    failing(error)
    assert cli.run(["rig"]) == code
    captured = capsys.readouterr()
    assert captured.err == error.render() + "\n"
    assert captured.out == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    failing(error)
    assert cli.run(["rig"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted; everything that was started is ended"


def test_a_termination(failing: Callable[[BaseException], None]) -> None:
    failing(cli.Terminated())
    assert cli.run(["rig"]) == 143


@pytest.mark.parametrize(("second", "code"), [(KeyboardInterrupt(), 130), (cli.Terminated(), 143)])
def test_a_signal_while_the_last_words_are_written(
    failing: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch, second: BaseException, code: int
) -> None:
    def echo(*_: object, **__: object) -> None:
        raise second

    failing(KeyboardInterrupt())
    monkeypatch.setattr(click, "echo", echo)
    monkeypatch.setattr(sys, "argv", ["hil", "rig"])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the test's own process keeps its handlers
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_when_all_is_over_does_not_change_the_exit_code(number: signal.Signals) -> None:
    code = (
        "import atexit, os, sys, hil.cli\n"
        f"atexit.register(os.kill, os.getpid(), {number:d})\n"
        "sys.argv = ['hil', '--version']\n"
        "hil.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*HIL, "rig", "list"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_what_nobody_expected_is_a_bug_and_says_so(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(ZeroDivisionError("division by zero"))
    monkeypatch.setattr(sys, "argv", ["hil", "rig"])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the test's own process keeps its handlers
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 70
    err = capsys.readouterr().err
    assert err.startswith("bug in hil: an error that nobody expected\n  | Traceback")
    assert "ZeroDivisionError: division by zero" in err
    assert "please report it" in err


def test_sigterm_unwinds_what_is_open() -> None:
    code = (
        "import os, signal, click, hil.cli.rig\n"
        "@click.command('rig')\n"
        "def command():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n"
        "    finally:\n"
        "        print('closed')\n"
        "hil.cli.rig.command = command\n"
        "import sys; sys.argv = ['hil', 'rig']\n"
        "hil.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "closed\n", "")
