"""A network namespace of a bench's own as its users see it: make one, run programs in it, join what is on both sides.

It is held by a child of the keeper (`hil.netns.holder`) and ends with it, however that ends; it has no name, and
nothing of the host's own network is changed. Needs no program but nsenter(1). Knows no machine and no service.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past
from hil.netns.neighbours import Neighbour, neighbours_of
from hil.tools.process import run

_ALLOW: Final = (
    "run as root; or allow user namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on"
    " Debian `sudo sysctl kernel.unprivileged_userns_clone=1`, in a container give it CAP_SYS_ADMIN"
)
_RAISE: Final = (
    "this host's limit of namespaces is reached, and no disk is full: end what holds them, or raise it (`sudo sysctl"
    " user.max_user_namespaces=10000 user.max_net_namespaces=10000`)"
)

_HOLDER: Final = Path(__file__).with_name("holder") / "__main__.py"
_ANSWER: Final = re.compile(
    rb"^((?:note: [^\n]*\n)*)(?:ready (?P<how>net|user) (?P<pid>[0-9]{1,10})|refused: (?P<why>[^\n]*))\n", re.MULTILINE
)
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Wire:
    """A share of a network port of the host, on which the namespace has an address of its own.

    Args:
        port: as the host calls it.
        vlan: its part of that VLAN alone, 1 to 4094; 0 for what has no tag.
        name: what it is called in the namespace.
    """

    port: str
    vlan: int
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is in a namespace besides lo.

    Args:
        addresses: as "10.0.2.100/24"; on the bridge, or on the wire, or on lo where there is neither.
        bridge: the name of a bridge; "" for none.
        taps: names of tap interfaces, which are its ports; each is one machine's.
        nics: interfaces of the host, which become its ports too for as long as the namespace lives; root's alone.
        root: whether programs in a user namespace are root there, as a DHCP server must be; else who they are outside.
        wire: its share of a port of the host, where it has no bridge; root's alone. It is up, but answers no ARP:
            whoever makes it switches that on (IFF_NOARP off) once the addresses are known to be free.
    """

    addresses: tuple[str, ...]
    bridge: str = ""
    taps: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()
    root: bool = False
    wire: Wire | None = None

    def to_json(self) -> str:
        """As the holder takes it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Refused:
    """This host does not allow such a namespace.

    Args:
        reason: the kernel's, as "/dev/net/tun: Permission denied".
    """

    reason: str

    @property
    def what_to_do(self) -> str:
        """How this host comes to allow a namespace. A limit of /proc/sys/user is ENOSPC (unshare(2), ERRORS)."""
        return _RAISE if self.reason == os.strerror(errno.ENOSPC) else _ALLOW


@dataclass(frozen=True, slots=True)
class Inside:
    """A TCP address in the namespace."""

    address: HostPort


@dataclass(frozen=True, slots=True)
class Outside:
    """A TCP address as this host has it; to listen at port 0 is to let the kernel choose."""

    host: str
    port: int


End = Inside | Outside | Path
"""Where a connection can end: a Path is a unix socket, which has no network of its own (unix(7))."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace that is held.

    Args:
        pid: a process that is in it, as its keeper numbers it.
        in_user_namespace: whether a user namespace goes around it.
        control: the unix socket by which its holder is told what to join.
        notes: what was changed on the host for it, in words.
    """

    pid: int
    in_user_namespace: bool
    control: Path
    notes: tuple[str, ...] = ()

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in it; for a child of the same keeper.

        nsenter(1) becomes the program, so that the child is the program itself.
        """
        user = ["--user", "--preserve-credentials"] if self.in_user_namespace else []
        return ["nsenter", f"--target={self.pid}", *user, "--net", "--", *argv]

    def join(self, at: End, to: End, *, deadline: Deadline) -> tuple[str, int]:
        """Listen at one place, and join each connection that comes to another place, until the bench ends.

        Args:
            at: where to listen.
            to: asked anew for each connection; it need not be there before.
            deadline: for the holder's answer.

        Returns:
            Where it listens: the address and port; the path and 0 for a unix socket.

        Raises:
            InfrastructureError: it cannot listen there, or the holder does not answer.
        """
        answer = self._ask({"at": _written(at), "to": _written(to)}, deadline)
        if "error" in answer:
            raise InfrastructureError(
                f"the holder of the bench's network cannot listen at {_shown(at)}: {answer['error']}",
                hint="two things of the rig may have the same address and port",
            )
        host, *port = answer["at"]
        return str(host), int(port[0]) if port else 0

    def neighbours(self, *, deadline: Deadline) -> tuple[Neighbour, ...]:
        """Whom the namespace has exchanged packets with on its wire: which machine had which address there.

        Args:
            deadline: for the holder's answer.

        Raises:
            InfrastructureError: the holder does not answer.
        """
        return neighbours_of(self._ask({"neighbours": True}, deadline).get("neighbours", ""))

    def _ask(self, request: object, deadline: Deadline) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(deadline.remaining())
                connection.connect(str(self.control))
                connection.sendall(json.dumps(request).encode() + b"\n")
                said = connection.makefile("rb").read(_LONGEST)
        except OSError as error:
            raise InfrastructureError(
                f"the holder of the bench's network does not answer: {error}",
                hint="its last words are in the keeper's stream of that name; open the bench again",
            ) from error
        try:
            return cast("dict[str, Any]", json.loads(said))
        except ValueError:
            return {"error": "it has ended"}


def hold(keeper: Keeper, name: str, control: Path, plan: Plan, *, deadline: Deadline) -> Namespace | Refused:
    """Make a namespace.

    Args:
        keeper: owns it.
        name: the keeper's name for the process that holds it.
        control: where that one's unix socket is to be; at most 107 bytes.
        plan: what is in it.
        deadline: for the holder's answer; it takes 0.2 s.

    Returns:
        The namespace, or why the kernel refuses it.

    Raises:
        UsageError: the socket's path is too long.
        InfrastructureError: the holder does not start, or does not answer.
    """
    keeper.listen(name, control)
    since = past(keeper, name)
    keeper.spawn(name, [*_script(plan), f"{{fd:{name}}}"], fds=[name], kill=True)
    answer = await_ready(
        keeper,
        name,
        _ANSWER.search,
        what="the holder of the bench's private network",
        hint="report this with the lines above",
        since=since,
        deadline=deadline,
    )
    if answer["pid"] is None:
        return _refused(answer)
    notes = tuple(line.removeprefix("note: ") for line in answer[1].decode("utf-8", "replace").splitlines())
    return Namespace(int(answer["pid"]), answer["how"] == b"user", control, notes)


def allowed(plan: Plan, *, deadline: Deadline) -> bool | Refused:
    """Whether this host allows such a namespace: makes one, and ends it.

    Args:
        plan: what would be in it.
        deadline: for the answer.

    Returns:
        Whether a user namespace has to go around it; or why the kernel refuses it.

    Raises:
        InfrastructureError: the holder does not start, or does not answer.
    """
    done = run(_script(plan), deadline=deadline)
    answer = _ANSWER.search(done.output.encode())
    if answer is None:
        raise InfrastructureError(
            "the holder of a private network says nothing", hint="report this", evidence=done.last_lines()
        )
    return _refused(answer) if answer["pid"] is None else answer["how"] == b"user"


def _refused(answer: re.Match[bytes]) -> Refused:
    return Refused(answer["why"].decode("utf-8", "replace"))


def _script(plan: Plan) -> list[str]:
    return [sys.executable, "-I", "-S", "-E", str(_HOLDER), plan.to_json()]


def _written(end: End) -> list[str | int]:
    match end:
        case Inside(address):
            return ["in", address.host, address.port]
        case Outside(host, port):
            return ["out", host, port]
        case _:
            return ["unix", str(end)]


def _shown(end: End) -> str:
    match end:
        case Inside(address):
            return str(address)
        case Outside(host, port):
            return f"{host}:{port}"
        case _:
            return str(end)
