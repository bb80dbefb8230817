"""What a keeper holds for one who switches relays by trial: the locks, and the promise to leave a relay as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from hil.config.power import PowerConfig
from hil.config.rig import Rig
from hil.config.things import Thing
from hil.finding.cycle import Relay
from hil.keeper.client import Keeper
from hil.keeper.journal import Entry
from hil.locks import Lock
from hil.power.opening import Owner, open_ports
from hil.power.promise import KIND
from hil.taking import holder_words, lock_folder, take


def owner_of(rig: Rig, keeper: Keeper) -> Owner:
    """For whom relays are opened.

    Args:
        rig: the file that the keeper's promises are about.
        keeper: keeps them.
    """

    def promise(name: str, data: Mapping[str, object], argv: Sequence[str], within: float) -> None:
        keeper.at_end(Entry(KIND, name, data), argv, within=within)

    return Owner(keeper.directory, promise, lock_folder(), holder_words(rig, keeper))


def take_thing(thing: Thing, keeper: Keeper, holder: str) -> None:
    """Lock one thing, for the keeper to hold.

    Raises:
        Busy: another one has it.
        InfrastructureError: lock files cannot be used.
    """
    lock = Lock(lock_folder() / thing.file_name, what=holder, pid=keeper.pid, shared=True)
    take(lock, thing.name)
    keeper.lock(lock)


@contextmanager
def promised(rig: Rig, name: str, config: PowerConfig, owner: Owner, *, left: bool) -> Iterator[Relay]:
    """A relay that the keeper will leave so, whatever its rig says of a bench's end, and whatever becomes of this.

    Args:
        rig: the file that the promise is about.
        name: of the relay in it.
        config: its section, locked already.
        owner: of the port.
        left: whether it is left on.

    Raises:
        InfrastructureError: it cannot be opened.
    """
    section = config.model_copy(update={"leave": "on" if left else "off"})
    with open_ports(replace(rig, power={name: section}), {name: config}, owner) as ports:
        yield Relay(name, config, ports[name])
