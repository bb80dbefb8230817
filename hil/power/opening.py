"""Opens the power ports of a rig for one bench: those that its file names, and no others.

Each is behind its interlock, and how its bench will leave it is promised to the keeper before anything is switched.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from hil.clock import Deadline
from hil.config import kinds
from hil.config.power import PowerConfig
from hil.errors import HilBug, InfrastructureError
from hil.power.interlock import Interlocked
from hil.power.port import PowerPort, PowerState
from hil.power.promise import Promise, section_mark
from hil.tools.progress import Progress, quiet

if TYPE_CHECKING:
    from hil.config.rig import Rig

_READ_WITHIN: Final = 10.0
_LEFT_WITHIN: Final = 10.0
_HISTORY: Final = ".history"


class _Kind(Protocol):
    def create(self, config: PowerConfig) -> PowerPort: ...


class AtEnd(Protocol):
    """Has a keeper run a program at its end, and write down what that is to do."""

    def __call__(self, name: str, data: Mapping[str, object], argv: Sequence[str], within: float) -> None:
        """Promise it: a name, what the journal says of it, program and arguments, and s that it may take."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The bench that ports are opened for.

    Args:
        directory: the runtime folder of its keeper, which holds the ports' locks.
        at_end: has that keeper run a program at its end.
        locks: the folder of this host's lock files.
        holder: what the keeper's locks say of their holder.
        progress: told of waits.
    """

    directory: Path
    at_end: AtEnd
    locks: Path
    holder: str
    progress: Progress = quiet


@contextmanager
def open_ports(rig: Rig, devices: Mapping[str, PowerConfig], owner: Owner) -> Iterator[Mapping[str, PowerPort]]:
    """Every power port of a rig by its name, let go of at the end of the block; none is switched by this.

    Args:
        rig: as its file has it, its ports' locks held by the keeper.
        devices: its ports with real device files and addresses where it names the twin's.
        owner: whose ports they are.

    Raises:
        InfrastructureError: a package that a port needs is missing; or a port that is to be left as it was found
            cannot tell how that is.
    """
    with ExitStack() as stack:
        ports: dict[str, PowerPort] = {}
        for name, config in rig.power.items():
            port = make_port(devices[name])
            stack.callback(port.close)
            locks = lock_files(config, owner.locks)
            history = history_file(locks) if locks else owner.directory / f"{name}{_HISTORY}"
            ports[name] = Interlocked(port, config, history, owner.progress)
            # Nothing of the twin outlives its bench, and nobody may be there at the end to switch by hand.
            if locks and config.unattended:
                _promise(rig, name, port, locks, owner)
        yield ports


def make_port(config: PowerConfig) -> PowerPort:
    """A power port as its kind makes it, with neither interlock nor leave-policy.

    Raises:
        InfrastructureError: a package that it needs is missing.
    """
    kind = kinds.load(kinds.POWER, config.kind, PowerConfig)  # type: ignore[type-abstract]
    if kind is None:
        raise HilBug(f"the kind {config.kind!r} was there when the rig was loaded", hint="report this")
    return cast(_Kind, kind.module).create(config)


def lock_files(config: PowerConfig, folder: Path) -> tuple[Path, ...]:
    """The lock files of a port's things; none for one of the twin's.

    Args:
        config: of the port.
        folder: of this host's lock files.
    """
    return tuple(folder / thing.file_name for thing in sorted(config.things()))


def history_file(locks: Sequence[Path]) -> Path:
    """The file of a port's interlock, beside the first of its lock files."""
    return locks[0].with_suffix(_HISTORY)


def _promise(rig: Rig, name: str, port: PowerPort, locks: Sequence[Path], owner: Owner) -> None:
    config = rig.power[name]
    on = config.leave == "on" or (config.leave == "as_found" and _found_on(name, port))
    promise = Promise(
        rig=str(rig.file),
        port=name,
        on=on,
        section=section_mark(config),
        locks=tuple(map(str, locks)),
        history=str(history_file(locks)),
        holder=owner.holder,
        within=_LEFT_WITHIN + (config.off_at_least if on else 0.0),
    )
    argv = [sys.executable, "-I", "-m", "hil.power.leaving", promise.to_text()]
    # The program's own deadline comes first: it has more to say.
    owner.at_end(name, promise.to_json(), argv, promise.within + _LEFT_WITHIN / 2)


def _found_on(name: str, port: PowerPort) -> bool:
    state = port.read(deadline=Deadline.after(_READ_WITHIN))
    if state is PowerState.UNKNOWN:
        raise InfrastructureError(
            f"power port {name} ({port.name}) is to be left as it was found, and cannot tell how that is",
            hint="write `leave: off` or `leave: on` in its section of the rig file",
        )
    return state is PowerState.ON
