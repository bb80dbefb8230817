"""`hil` with a hook at one stage of its run: it says that the stage is reached, and then goes on, stands, or raises.

Run as a program: STAGE HOW ARGUMENTS-OF-HIL..., where the stage is one of `STAGES` or of a boot's. Only for tests that
end `hil` at a known point.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hil.keeper.client import Keeper


@dataclass(frozen=True)
class Point:
    """A function of hil whose call, or whose return, is a stage.

    Args:
        module: where its callers look it up.
        name: of it there, dotted for a method.
        after: whether the stage is reached when it returns.
        first: what its second argument's `stage` must be; "" for any call.
    """

    module: str
    name: str
    after: bool = False
    first: str = ""


def mark(stage: str) -> Point:
    """The moment at which a mark of the boot is shown."""
    return Point("hil.cli.progress", "PlainProgress.mark", after=True, first=stage)


STAGES: dict[str, Point] = {
    "loading": Point("hil.config.rig", "load_rig"),
    "keeper": Point("hil.bench", "serve"),
    "matchbox": Point("hil.bench", "serve", after=True),
    "power": mark("power"),
    "firmware": mark("firmware"),
    "ipxe": mark("ipxe"),
    "kernel": mark("kernel"),
    "ready": mark("ready"),
}
_STANDS = 600.0
ENDING = Point("hil.keeper.client", "Keeper.end")


def hook(point: Point, act: Callable[..., None]) -> None:
    """Have `act` called, with the function's own arguments, where the point is."""
    owner: object = importlib.import_module(point.module)
    *path, name = point.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, name)

    def hooked(*args: object, **kwargs: object) -> object:
        wanted = not point.first or getattr(args[1], "stage", "") == point.first
        if wanted and not point.after:
            act(*args)
        result = original(*args, **kwargs)
        if wanted and point.after:
            act(*args)
        return result

    setattr(owner, name, hooked)


def act_on(stage: str, how: str) -> Callable[..., None]:
    """What is done there: "go" says so, "stand" also waits, "raise" raises, "keep" keeps the bench and waits."""

    def act(*args: object) -> None:
        if how == "keep" and isinstance(args[0], Keeper):
            args[0].policy(True)
        print(f"reached {stage}", file=sys.stderr, flush=True)
        if how == "raise":
            raise RuntimeError(f"planted at {stage}")
        if how != "go":
            # Bounded, for a test run that was killed itself.
            threading.Event().wait(_STANDS)

    return act


def main() -> None:
    """Hook the stage and the bench's end, and run hil."""
    stage, how, *arguments = sys.argv[1:]
    # A shell starts what it puts into the background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hook(STAGES.get(stage, mark(stage)), act_on(stage, how))
    hook(ENDING, lambda *args: print("ending", file=sys.stderr, flush=True))
    sys.argv = ["hil", *arguments]
    from hil.start import main as hil

    hil()


if __name__ == "__main__":
    main()
