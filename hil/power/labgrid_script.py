"""Runs one of labgrid's NetworkPower backends, in a Python where labgrid is installed; no part of hil's own process.

A program of its own, of the standard library alone: labgrid needs a pyserial of its own, which cannot be where hil's
is. `python -I labgrid_script.py FD` takes its order from the variable ORDER, so that no password stands in a command
line, and writes one line of JSON to the descriptor FD, since backends print what they like on standard output.
"""

import importlib
import json
import os
import pkgutil
import sys

ORDER = "HIL_LABGRID_ORDER"
_PACKAGE = "labgrid.driver.power"


def run(order: dict[str, object]) -> dict[str, object]:
    """Do what is ordered.

    Args:
        order: `do` ("get", "on" or "off"), `model`, `host`, `index`.

    Returns:
        `value`, what the backend's power_get gave, or null; or `failed`, the names of the error's classes, and `text`;
        or `models`, where there is no such model.
    """
    try:
        package = importlib.import_module(_PACKAGE)
    except ImportError as error:
        return {"failed": ["NoLabgrid"], "text": str(error)}
    models = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    if order["model"] not in models:
        return {"models": models}
    try:
        backend = importlib.import_module(f"{_PACKAGE}.{order['model']}")
        # As labgrid's own driver has it (labgrid/driver/powerdriver.py, NetworkPowerDriver.on_activate): a backend
        # that knows its port gets it, one that is given a URL gets that and no port; the index is a text.
        where = (order["host"], getattr(backend, "PORT", None), order["index"])
        if order["do"] == "get":
            return {"value": backend.power_get(*where)}
        backend.power_set(*where, order["do"] == "on")
    except Exception as error:  # noqa: BLE001 - what a backend raises is its own affair, and is told whole
        return {"failed": [kind.__name__ for kind in type(error).__mro__], "text": str(error)}
    return {"value": None}


def main() -> None:
    """Take the order, do it, answer."""
    order = json.loads(os.environ.pop(ORDER))
    answer = json.dumps(run(order), default=repr)
    with os.fdopen(int(sys.argv[1]), "w") as stream:
        stream.write(answer + "\n")


if __name__ == "__main__":
    main()
