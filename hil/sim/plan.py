"""What a bench twin is made of, as its process is told it: devices, boards, and which contact feeds which board.

A plan is plain data and goes to the process as JSON. Starts nothing and knows no rig file (`hil.sim.from_rig`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from hil.sim.character import Character

Option: TypeAlias = str | int | float | bool | None
Terminal: TypeAlias = tuple[str, int]
"""A device and one of its channels."""


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device.

    Args:
        name: without "twin:".
        kind: of the rig's power port or meter ("lcus", "shelly2"), or of a console ("uart", "rfc2217", "tcp").
        options: the rig's keys that matter to it; `channels`, the highest number of a channel that the rig names; for
            a secret key its name and `_env`, the variable that holds it (`password_env`).
    """

    name: str
    kind: str
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """A board without a guest: a canned boot text, then a prompt that echoes.

    Args:
        name: of the text (`hil.sim.script`).
    """

    name: str = "linux"


@dataclass(frozen=True, slots=True)
class Qemu:
    """A board that is a QEMU guest: each power-on is a new process.

    Args:
        argv: with "{fd:serial}" and "{fd:qmp}" where the descriptors of two listening unix sockets belong.
        environment: of the process; None for the twin's own.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Rom:
    """A board that is a Raspberry Pi's boot ROM and bootloader, and then a QEMU guest with its firmware.

    Args:
        argv: the bootloader's command, one process for each power-on; "{settings}" stands where what is known only
            then (`hil.sim.rom.settings`) belongs.
        settings: the rest of what it is told, as JSON.
        guest: what its firmware is.
    """

    argv: tuple[str, ...]
    settings: str
    guest: Qemu


Actor: TypeAlias = Script | Qemu | Rom


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """One board.

    Args:
        name: the node's.
        feeds: the contacts that its supply goes through, one after the other; all must conduct.
        measured_by: the meters that see what it draws, beside the feeds that measure themselves.
        console: the device that its UART is wired to; None for no wire.
        baud: its UART's speed, bits per second.
        actor: what it does when it has power.
        character: its physics.
        speed: of its UART's bytes: 1 is that of the wire, 2 twice that, 0 as fast as they come.
        faults: that hold from the beginning, of `hil.sim.station`.
    """

    name: str
    feeds: tuple[Terminal, ...] = ()
    measured_by: tuple[Terminal, ...] = ()
    console: str | None = None
    baud: int = 115200
    actor: Actor = Script()
    character: Character = field(default_factory=Character)
    speed: float = 0.0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole twin.

    Args:
        seed: of all its chance; the same seed and the same doings give the same bytes and figures.
        directory: an existing folder for its device files and its control socket, short enough for unix sockets.
        devices: by different names.
        boards: by different names.
    """

    seed: int
    directory: Path
    devices: tuple[DevicePlan, ...] = ()
    boards: tuple[BoardPlan, ...] = ()

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan that `to_json` wrote.

        Raises:
            ValueError: it is none.
        """
        try:
            data = json.loads(text)
            return cls(
                seed=int(data["seed"]),
                directory=Path(data["directory"]),
                devices=tuple(DevicePlan(**device) for device in data["devices"]),
                boards=tuple(_board(board) for board in data["boards"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a plan of a bench twin: {error!r}") from error


def _board(data: Mapping[str, object]) -> BoardPlan:
    fields = dict(data)
    for key in ("feeds", "measured_by"):
        fields[key] = tuple((str(device), int(channel)) for device, channel in cast("list[list[str]]", fields[key]))
    fields["faults"] = tuple(cast("list[str]", fields["faults"]))
    fields["character"] = Character(**cast("dict[str, float]", fields["character"]))
    actor = cast("dict[str, object]", fields["actor"])
    fields["actor"] = _actor(actor)
    return BoardPlan(**fields)  # type: ignore[arg-type]  # what it was written from was one


def _actor(data: Mapping[str, object]) -> Actor:
    if "name" in data:
        return Script(str(data["name"]))
    if "guest" not in data:
        return _qemu(data)
    guest = _qemu(cast("dict[str, object]", data["guest"]))
    return Rom(tuple(cast("list[str]", data["argv"])), str(data["settings"]), guest)


def _qemu(data: Mapping[str, object]) -> Qemu:
    return Qemu(tuple(cast("list[str]", data["argv"])), cast("dict[str, str] | None", data["environment"]))
