"""The bench twin's process: `python -m hil.sim PLAN`, where PLAN is JSON (`hil.sim.plan`). Started by the keeper.

On standard output it says `ready {DEVICE: PLACE, ...}` when everything is open, or `refused {"error": ..., "hint":
...}` and ends with status 1; then a line for each thing that happens. SIGTERM ends it, and with it its guests.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import closing

from hil.errors import HilError
from hil.sim.control import Control
from hil.sim.plan import Plan
from hil.sim.twin import Twin


async def run(plan: Plan) -> int:
    """Run a twin until it is told to end; its exit status."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    try:
        twin = Twin(plan, _say)
    except HilError as error:
        return _refuse(error.message, error.hint)
    try:
        found = await twin.start()
        with closing(Control(twin, over.set)) as control:
            await control.start(plan.directory)
            _say(f"ready {json.dumps(found)}")
            await over.wait()
    except HilError as error:
        return _refuse(error.message, error.hint)
    except OSError as error:
        return _refuse(f"it cannot open its devices: {error}", "see that its folder is there and can be written to")
    finally:
        await twin.close()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _refuse(error: str, hint: str) -> int:
    _say(f"refused {json.dumps({'error': error, 'hint': hint})}")
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(run(Plan.from_json(sys.argv[1]))))
