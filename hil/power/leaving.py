"""Keeps a promise of how a power port is left: `python -m hil.power.leaving PROMISE`, run by the keeper at its end.

A keeper that was killed cannot; who starts the next bench finds the promise in its journal, and `keep_late` keeps it,
unless another one has had the port since. Imported by nothing that a bench needs while it is open.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.power import PowerConfig
from hil.config.rig import load_rig
from hil.errors import HilError, InfrastructureError
from hil.locks import Busy, Lock
from hil.power.interlock import Interlocked
from hil.power.opening import make_port
from hil.power.port import PowerPort, PowerState
from hil.power.promise import BadPromise, Promise, section_mark
from hil.redaction import HIDDEN

_AT_ONCE: Final = Deadline.after(0)


def keep(promise: Promise) -> str:
    """Switch a port as promised, by whoever holds its lock, and read it back.

    Returns:
        what became of it, in words.

    Raises:
        HilError: it could not be switched, or reads back otherwise; or the rig file means another port by now.
    """
    config = _section(promise)
    deadline = Deadline.after(promise.within)
    port = Interlocked(make_port(config), config, Path(promise.history))
    try:
        return f"power port {promise.port} ({port.name}) is left {switched(port, promise.on, deadline)}"
    finally:
        port.close()


def keep_late(promise: Promise) -> str:
    """Keep the promise of a bench whose keeper is dead; its lock is taken for that.

    Returns:
        what became of it, in words; also that somebody else has the port, or has had it, and its state is theirs.

    Raises:
        HilError: as in `keep`.
    """
    taken: list[Lock] = []
    try:
        for path in promise.locks:
            # In the dead one's name: what fails here is still its promise, for the next start.
            lock = Lock(Path(path), what=promise.holder, shared=True)
            lock.acquire(_AT_ONCE)
            taken.append(lock)
            # A holder that let go in order leaves no name, one that died its own: this is whose the port is still.
            if lock.left_by is None or lock.left_by.what != promise.holder:
                _let_go(taken)
                return f"power port {promise.port} is left alone: somebody else has had it since"
        words = keep(promise)
        _let_go(taken)
    except Busy as busy:
        return f"power port {promise.port} is left alone: {busy.holder or 'another process'} has it by now"
    finally:
        for lock in taken:
            os.close(lock.give())
    return words


def _let_go(locks: list[Lock]) -> None:
    while locks:
        locks.pop().release()


def settled(entry: Mapping[str, object]) -> tuple[bool, str]:
    """Keep the promise in a dead keeper's journal.

    Returns:
        whether nothing more is to be done about it; and what became of it, in words.
    """
    try:
        promise = Promise.from_json(dict(entry))
    except BadPromise as error:
        return True, f"a former bench has left what nobody can do: {error}"
    try:
        return True, keep_late(promise)
    except HilError as error:
        word = "on" if promise.on else "off"
        return False, (
            f"power port {promise.port} of {promise.rig} was to be left {word} by a bench that was killed, and is not:"
            f" {HIDDEN.redactor.text(error.message)} ({error.hint}); the next start tries again"
        )


def switched(port: PowerPort, on: bool, deadline: Deadline) -> str:
    """Switch a port and read it back.

    Returns:
        "off, read back off", or that nothing can be read back.

    Raises:
        InfrastructureError: it reads back otherwise, or the port fails (`hil.power.port`).
    """
    word = "on" if on else "off"
    state = port.switch(on, deadline=deadline)
    if not port.reads_back:
        return f"{word}, unverified: this port cannot be read back"
    if state is PowerState.UNKNOWN:
        state = port.read(deadline=deadline)
    if state is not (PowerState.ON if on else PowerState.OFF):
        raise InfrastructureError(
            f"{port.name} was switched {word} and reads back {state.value}",
            hint="see what is wrong with the device: until then nothing is known of what hangs on it",
        )
    return f"{word}, read back {word}"


def _section(promise: Promise) -> PowerConfig:
    rig = load_rig(Path(promise.rig), cwd=Path("/"))
    HIDDEN.add(rig.secrets)
    config = rig.power.get(promise.port)
    if config is None or section_mark(config) != promise.section:
        raise InfrastructureError(
            f"{promise.rig} means another port by {promise.port!r} than when its bench was opened",
            hint="see to the port yourself: switch it as it is to be",
        )
    return config


def main(arguments: list[str]) -> int:
    """Keep one promise; 0 when it is kept, else the error's exit code, with the error on standard error."""
    try:
        print(HIDDEN.redactor.text(keep(Promise.from_text(arguments[0]))), flush=True)
    except HilError as error:
        print(HIDDEN.redactor.text(error.render()), file=sys.stderr, flush=True)
        return error.exit_code
    except BadPromise as error:
        print(error, file=sys.stderr, flush=True)
        return os.EX_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
