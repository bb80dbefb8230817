"""The keeper's process: started by `hil.keeper.client.Keeper.start`, never by hand.

Arguments: runtime folder, name of the isolation, and three inherited descriptors: the socket to the owner,
a pidfd of the owner, the locked file that says the keeper lives.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from hil.keeper.isolation import by_name
from hil.keeper.server import Server


def main(arguments: list[str]) -> None:
    """Run one keeper to its end."""
    directory, isolation, owner, owner_process, alive = arguments
    for descriptor in (owner, owner_process, alive):
        os.set_inheritable(int(descriptor), False)
    Server(Path(directory), by_name(isolation), socket.socket(fileno=int(owner)), int(owner_process)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
