"""Starts a bench twin as a child of the keeper, so that it ends with its bench, however that ends."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past
from hil.sim.client import TwinControl
from hil.sim.control import SOCKET
from hil.sim.plan import Plan

STREAM: Final = "twin"
"""The keeper's name for it: what it says is what happens on the bench."""

_ANSWER: Final = re.compile(rb"^(ready|refused) (\{[^\n]*\})\n", re.MULTILINE)
_START_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A twin that runs.

    Args:
        devices: where each is found, by its name in a rig file ("twin:relay" to a device file or host:port).
        control: sets its faults.
    """

    devices: Mapping[str, str]
    control: TwinControl


def start(keeper: Keeper, plan: Plan, *, deadline: Deadline | None = None) -> RunningTwin:
    """Start a twin.

    Args:
        keeper: owns it.
        plan: what it is made of.
        deadline: for its devices to be there; 20 s where none is given.

    Raises:
        InfrastructureError: it does not start; says why.
    """
    limit = deadline or Deadline.after(_START_SECONDS)
    since = past(keeper, STREAM)
    keeper.spawn(STREAM, [sys.executable, "-m", "hil.sim", plan.to_json()])
    answer = await_ready(
        keeper,
        STREAM,
        _ANSWER.search,
        what="the bench twin",
        hint="report this with the lines above",
        since=since,
        deadline=limit,
    )
    said = json.loads(answer[2])
    if answer[1] == b"refused":
        keeper.wait_exit(STREAM, deadline=limit)
        raise InfrastructureError(f"the bench twin cannot be had: {said['error']}", hint=said["hint"])
    return RunningTwin(said, TwinControl(plan.directory / SOCKET))
