"""Ports that another program switches: that program run to its end, and its failures in a port's words. No kind."""

from __future__ import annotations

from collections.abc import Sequence

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.power.port import PortAbsent, PortSilent
from hil.redaction import HIDDEN
from hil.tools.process import Finished, run


def ran(name: str, argv: Sequence[str], *, deadline: Deadline, hint: str) -> Finished:
    """Run a program of a port to its end, whatever it exits with.

    Args:
        name: of the port.
        argv: the program and its arguments.
        deadline: when it must have ended; then it is killed, with all that it started.
        hint: what to do where the program is not there.

    Raises:
        PortAbsent: it cannot be started.
        PortSilent: it had not ended.
    """
    try:
        return run(argv, deadline=deadline, hint=hint)
    except InfrastructureError as error:
        kind = PortAbsent if isinstance(error.__cause__, OSError) else PortSilent
        raise kind(f"{name}: {error.message}", hint=error.hint) from error


def evidence(done: Finished) -> list[str]:
    """The end of what a program said, for an error; secrets that a rig took from the environment are taken out."""
    return [HIDDEN.redactor.text(line) for line in done.last_lines()]
