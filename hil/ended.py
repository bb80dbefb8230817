"""The errors for a machine that is off though nobody here switched it off: it did, or its process, or its supply.

Whether it was so is for whoever raises them.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

from hil.errors import InfrastructureError, NodeError
from hil.machine import Machine


def switched_itself_off(where: str, evidence: Sequence[str | Path]) -> NodeError:
    """The error for a machine that powered off because what ran on it told it to.

    Args:
        where: node and stage.
        evidence: the last lines of its console, and the folder of the boot.
    """
    return NodeError(
        f"{where}: the machine switched itself off",
        hint="read the last console lines: what ran last told it to power off",
        evidence=evidence,
    )


def ended_by_itself(
    where: str, machine: Machine, exit_status: int | None, folder: Path, said: Iterable[str] = ()
) -> InfrastructureError:
    """The error for a machine whose own process ended, though nobody had switched it off.

    Args:
        where: node and stage.
        machine: which.
        exit_status: of its process, negative for a signal; None where it has none.
        folder: of the boot.
        said: the last lines of the machine's console.
    """
    log = folder / "qemu.log"
    words = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
    how = "" if exit_status is None else f" with status {exit_status}"
    if exit_status is not None and exit_status < 0:
        how = f", killed by {signal.Signals(-exit_status).name}"
    return InfrastructureError(
        f"{where}: {machine.kind} ended by itself{how}",
        hint=(
            "its own last words are above; `hil doctor` checks the programs it needs"
            if words
            else "it left no words; the host's own log (dmesg, journalctl -k) says whether memory ran out"
        ),
        evidence=[*words, *said, folder],
    )


def unpowered(where: str, machine: Machine, evidence: Sequence[str | Path]) -> InfrastructureError:
    """The error for a machine with no process of ours, whose port reads off though nobody had switched it off.

    Args:
        where: node and stage.
        machine: which.
        evidence: the last lines of its console, and the folder of the boot.
    """
    port = machine.facts.get("power_port") or "its power port"
    return InfrastructureError(
        f"{where}: {port} reads off, though nobody here switched it off",
        hint="look who else switches it: a button on it, its own timer, another program; and whether it has lost its"
        " own supply and come back off",
        evidence=evidence,
    )
