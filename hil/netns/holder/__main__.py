"""Run as `__main__.py PLAN [DESCRIPTOR]`: holds a network namespace until it is killed.

It says one line: "ready net PID", "ready user PID" (a user namespace had to go around it), or "refused: WHY", and ends
with status 1; before it, a line "note: WHAT" for each thing that it changed on the host. PID is the process that is in
the namespace, which has no name and so ends with the last process in it. Without a descriptor it ends then: so a host
is asked what it allows.

PLAN is JSON: `root` (be root in a user namespace, or who one is outside), `addresses` (IP/PREFIX each), `bridge`
(its name; the addresses are then on it), `taps` (names, each a port of the bridge), `nics` (interfaces of the host,
ports of the bridge too; when the namespace ends the kernel gives them back: net/core/dev.c, default_device_exit_net)
and `wire` (null, or `port`, `vlan`, `name`: a share of an interface of the host, see `lending`; the addresses are then
on it, and it does not answer for them yet: IFF_NOARP). Without bridge and wire the addresses are on lo. There is no
route: nothing leaves but by a join, a nic or a wire. The descriptor is a listening unix socket, by which `joiner` is
asked.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import cast

_ROOT = 4
"""How many folders above this file the package is."""
_ANSWER = 1 << 13


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _serve(control: socket.socket, channel: socket.socket, child: int, ready: Callable[[], None]) -> None:
    from hil.netns.holder.joiner import Joiner

    server = await asyncio.start_unix_server(Joiner(channel, child).answer, sock=control)
    ready()
    await server.serve_forever()


def main(plan: dict[str, object], descriptor: int | None) -> int:
    """Hold it until killed; 1 where it is refused."""
    from hil.netns.holder.inside import live
    from hil.netns.holder.lending import lend
    from hil.netns.privileges import HOLDER_OUTSIDE, drop

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        os._exit(live(theirs, plan))
    theirs.close()
    answer = lend(ours, plan, child, _say) or ours.recv(_ANSWER).decode()
    if not answer.startswith("ready") or descriptor is None:
        _say(answer)
        return 0 if answer.startswith("ready") else 1
    drop(HOLDER_OUTSIDE)
    os.umask(0o177)
    asyncio.run(_serve(socket.socket(fileno=descriptor), ours, child, lambda: _say(answer)))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", _ROOT)[0])
    sys.exit(main(cast("dict[str, object]", json.loads(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else None))
