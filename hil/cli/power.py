"""`hil power`: a rig's power ports, asked and switched by hand, with the locks and interlocks that a bench keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hil.errors import HilError, InfrastructureError, UsageError

if TYPE_CHECKING:
    from hil.config.rig import Rig
    from hil.power.port import PowerPort

SCHEMA: Final = "hil.power/1"
ACTIONS: Final = ("status", "on", "off", "cycle")

_Outcome = tuple[str, str]
"""What a port reads back ("on", "off", "unknown"), and that in words."""


@click.command("power")
@click.argument("rig")
@click.argument("action", type=click.Choice(ACTIONS), default="status")
@click.argument("ports", nargs=-1, metavar="[PORT]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(rig: str, action: str, ports: tuple[str, ...], as_json: bool) -> None:
    """Ask or switch the power ports of RIG: all of them for status, else those that are named.

    What was switched is read back where the device can tell, and stays as it is: a rig's `leave:` is for benches. A
    port that an open bench holds is not touched. `cycle` switches off, waits off_at_least, and switches on.
    """
    loaded = _loaded(rig)
    chosen = _chosen(loaded, ports, action)
    outcomes: dict[str, _Outcome] = {}
    failed: dict[str, HilError] = {}
    for name in chosen:
        try:
            outcomes[name] = _done(loaded, name, action)
        except InfrastructureError as error:
            failed[name] = error
        if not as_json:
            click.echo(f"{name}: {_words(outcomes.get(name))}")
    if as_json:
        click.echo(json.dumps(_document(loaded, action, chosen, outcomes, failed), indent=1))
    if failed:
        raise InfrastructureError(
            f"power {action}: {len(failed)} of {len(chosen)} port(s) failed: {', '.join(failed)}",
            hint="; ".join(dict.fromkeys(error.hint for error in failed.values())),
            evidence=[f"{name}: {error.message}" for name, error in failed.items()],
        )


def _loaded(name: str) -> Rig:
    from hil.config.rig import load_rig
    from hil.redaction import HIDDEN

    rig = load_rig(name, cwd=Path.cwd())
    HIDDEN.add(rig.secrets)
    if rig.on_twin:
        raise UsageError(
            f"{name} names devices of the bench twin, which does not run yet",
            hint=f"run `hil sim {name} --out FILE` in another terminal, and then `hil power FILE`",
        )
    if not rig.power:
        raise UsageError(f"{name} has no power ports", hint="write them under `power:`")
    return rig


def _chosen(rig: Rig, names: Sequence[str], action: str) -> Sequence[str]:
    from hil.config.suggest import did_you_mean

    for name in names:
        if name not in rig.power:
            raise UsageError(
                f"{rig.name} has no power port {name!r}", hint=did_you_mean(name, rig.power, what="ports")
            )
    if not names and action != "status" and len(rig.power) > 1:
        raise UsageError(
            f"{rig.name} has {len(rig.power)} power ports, and none is named",
            hint=f"name what is to be switched: {' '.join(rig.power)}",
        )
    return list(dict.fromkeys(names)) or list(rig.power)


def _done(rig: Rig, name: str, action: str) -> _Outcome:
    """Take one port, do it, and let go of it."""
    from hil.locks import Lock
    from hil.power.interlock import Interlocked
    from hil.power.opening import history_file, lock_files, make_port
    from hil.taking import lock_folder, take

    config = rig.power[name]
    locks = lock_files(config, lock_folder())
    with ExitStack() as stack:
        for path in locks:
            lock = Lock(path, what=f"hil power {action}", shared=True)
            take(lock, f"power port {name} ({rig.where('power', name)})", progress=_say)
            stack.callback(lock.release)
        port = make_port(config)
        stack.callback(port.close)
        within = config.switches_within + config.off_at_least
        return _ACTIONS[action](Interlocked(port, config, history_file(locks), _say), within)


def _status(port: PowerPort, within: float) -> _Outcome:
    from hil.clock import Deadline

    if not port.reads_back:
        return "unknown", "unknown: this port cannot be read back"
    state = port.read(deadline=Deadline.after(within)).value
    return state, state


def _on(port: PowerPort, within: float) -> _Outcome:
    return _switched(port, True, within)


def _off(port: PowerPort, within: float) -> _Outcome:
    return _switched(port, False, within)


def _cycle(port: PowerPort, within: float) -> _Outcome:
    _switched(port, False, within)
    return _switched(port, True, within)


_ACTIONS: Final[dict[str, Callable[[PowerPort, float], _Outcome]]] = {
    "status": _status,
    "on": _on,
    "off": _off,
    "cycle": _cycle,
}


def _switched(port: PowerPort, on: bool, within: float) -> _Outcome:
    from hil.clock import Deadline
    from hil.power.leaving import switched

    words = switched(port, on, Deadline.after(within))
    return ("on" if on else "off") if port.reads_back else "unknown", words


def _words(outcome: _Outcome | None) -> str:
    return "failed" if outcome is None else outcome[1]


def _say(step: object) -> None:
    click.echo(str(step), err=True)


def _document(
    rig: Rig, action: str, names: Sequence[str], outcomes: dict[str, _Outcome], failed: dict[str, HilError]
) -> dict[str, object]:
    ports: dict[str, object] = {}
    for name in names:
        state, words = outcomes.get(name, ("unknown", "failed"))
        error = failed.get(name)
        ports[name] = {
            "kind": rig.power[name].kind,
            "reads_back": state,
            "words": words,
            "error": None if error is None else error.to_json(),
        }
    return {"schema": SCHEMA, "rig": rig.name, "action": action, "ports": ports}
