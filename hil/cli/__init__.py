"""The `hil` command: finds the subcommand, runs it, and turns errors into words and exit codes. Does no work itself.

Exit codes: 0 done, 1 the machine under test failed, 2 the user's file or command line, 3 the bench, 70 a bug in hil,
130 interrupted (Ctrl-C), 141 nobody reads the output any more, 143 terminated.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import click

from hil import __version__
from hil.errors import HilBug, HilError
from hil.interrupts import raising

# Listed here so that `hil --help` imports no command (each costs the others' start-up time).
COMMANDS: dict[str, str] = {
    "bench": "List the benches that are open, and end them.",
    "boot": "PXE-boot a rig's machine and print its timeline.",
    "cache": "List or remove what was downloaded and built.",
    "check": "Say whether a node is what is expected of it.",
    "console": "Attach to the console of a running bench.",
    "doctor": "Say which programs are here and get the others; whether a board is set to boot by network.",
    "image": "List and build the images of a rig.",
    "init": "Draft a rig file, tests and a CI workflow from your Matchbox tree.",
    "lint": "Check machine configurations before a machine gets them.",
    "power": "Ask and switch the power ports of a rig.",
    "report": "Summarise the boots recorded in a folder, as Markdown.",
    "rig": "Check rig files, list those that ship, find out which relay powers which board.",
    "sim": "Run a bench twin: simulated relays, meters and boards; or replay a recorded console.",
}


class LazyGroup(click.Group):
    """A group whose commands are modules of `hil.cli`, imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"hil.cli.{cmd_name}").command
        if not isinstance(found, click.Command):
            raise HilBug(f"hil.cli.{cmd_name} has no click command", hint="report this")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hil")
def root() -> None:
    """PXE-boot ARM64 machines from a real Matchbox and say, with evidence, what became of them."""


class Terminated(BaseException):
    """SIGTERM, so that `with` blocks close what they opened; not an error of anyone's."""


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors are on standard error."""
    try:
        # Without its standalone mode click returns what `Context.exit` was given (click.Context.exit).
        code = root.main(args=arguments, standalone_mode=False)
    except HilError as error:
        click.echo(_clean(error), err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; everything that was started is ended", err=True)
        return 130
    except Terminated:
        return 143
    except SystemExit:
        # click's own answer, with a 1, to a pipe whose reader went away (click.Command.main); ours is a shell's.
        return 141
    return code if isinstance(code, int) else 0


def _clean(error: HilError) -> str:
    """An error's lines without what this process has learnt to be secret."""
    from hil.redaction import HIDDEN  # a command that ends well does not pay for it

    return HIDDEN.redactor.text(error.render())


def main() -> None:
    """The entry point of the `hil` program."""
    signal.signal(signal.SIGTERM, raising(Terminated))
    try:
        code = _run_to_the_end()
        _heed_no_more()
    # One more signal, while the last words were written: whatever was open is closed by then.
    except KeyboardInterrupt:
        code = 130
    except Terminated:
        code = 143
    _heed_no_more()
    sys.exit(code)


def _heed_no_more() -> None:
    """Nothing is left to be ended: a signal in Python's own last moments would only spoil the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _run_to_the_end() -> int:
    try:
        return run()
    except Exception:  # noqa: BLE001 - the border of the program: whatever is left is a bug of ours, and says so
        import traceback

        bug = HilBug(
            "an error that nobody expected",
            hint="please report it with the lines above and the command you ran",
            evidence=[traceback.format_exc()],
        )
        click.echo(_clean(bug), err=True)
        return bug.exit_code
