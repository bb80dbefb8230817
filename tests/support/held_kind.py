"""A machine kind of the tests' own, which takes things of the real world: a serial line, a relay's channel.

Where $HIL_TEST_LOCKS is set, this host's lock files are there instead of where they really are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from support.hardware import Hardware
from support.wire import Wire

from hil import taking
from hil.config.model import HostPort, RigPath
from hil.config.rig import NodeConfig
from hil.config.things import Thing, device, endpoint
from hil.machine import Machine

if "HIL_TEST_LOCKS" in os.environ:
    taking._RUN_LOCK = Path(os.environ["HIL_TEST_LOCKS"])  # type: ignore[misc]


class Config(NodeConfig):
    """A machine that has a console and a relay."""

    kind: Literal["held"] = Field(description="held")
    tty: RigPath | None = Field(default=None, description="its serial line")
    relay: HostPort | None = Field(default=None, description="its relay board")
    channel: int | None = Field(default=None, description="its channel of the board; all of it when left out")

    def things(self) -> tuple[Thing, ...]:
        tty = () if self.tty is None else (device(self.tty, "tty"),)
        relay = () if self.relay is None else (endpoint(self.relay, "relay", channel=self.channel),)
        return (*tty, *relay)


def create(config: Config, place: object) -> Machine:
    """A machine in memory."""
    return Hardware(Wire()).machine(control=None)


def installed_in(folder: Path) -> Path:
    """A folder for sys.path in which the kind is installed, as another package's would be."""
    info = folder / "hil_held_kind-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hil-held-kind\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hil.machines]\nheld = support.held_kind\n")
    return folder


def locks_in(folder: Path) -> Path:
    """A folder for $HIL_TEST_LOCKS, as open to all users as the real one."""
    folder.mkdir()
    folder.chmod(0o1777)
    return folder
