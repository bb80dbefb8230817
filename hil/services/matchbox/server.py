"""Runs Matchbox for one bench, or takes one that runs already; ends when the bench's keeper ends it.

Matchbox v0.11.0 takes port 0 and does not say which port it got, so that is read from the kernel: nobody
can take the port in between.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hil.clock import Deadline
from hil.config.matchbox import MatchboxConfig
from hil.config.rig import Where
from hil.console.stream import Feed, FeedClosed
from hil.errors import InfrastructureError, UsageError
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.services.matchbox.assets import NO_ASSETS, Assets
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.tree import Tree
from hil.services.matchbox.writer import assign, write_tree

STREAM: Final = "matchbox"
"""The keeper's name for the process and for the stream of its log."""

_STARTING: Final = b"Starting matchbox HTTP server"
_LAST_LINES: Final = 5
_PAUSE: Final = 0.005
_ONE_TRY: Final = 2.0


@dataclass(frozen=True, slots=True)
class Matchbox:
    """A Matchbox that answers.

    Args:
        address: where this host reaches it.
        data: its data directory; None for one that ran already.
        stream: the keeper's stream of its log; None for one that ran already.
        from_images: whether its data is made here from what the nodes boot.
    """

    address: tuple[str, int]
    data: Path | None
    stream: str | None
    from_images: bool

    def assign(self, *, node: str, mac: str, image: Image, machine_config: str | None = None) -> None:
        """Have a node boot an image of the rig, from its next request on.

        Args:
            node: the node's name.
            mac: its MAC address.
            image: what it boots.
            machine_config: what `/generic?mac=...` answers to it; None for nothing.

        Raises:
            UsageError: what the node boots is decided by data of the user's own.
            ConfigError, InfrastructureError: as `hil.services.matchbox.writer.publish`.
        """
        if self.data is None or not self.from_images:
            raise UsageError(
                f"the image {image.name!r} cannot be chosen for {node}: this rig's Matchbox has data of its own,"
                " which is served unchanged",
                hint="change the group or profile there, or take matchbox: out of the rig file",
            )
        assign(self.data, node=node, mac=mac, image=image, machine_config=machine_config)

    @property
    def tree(self) -> Tree | None:
        """The groups and profiles as they are now: Matchbox reads them at each request. None when unknown.

        Raises:
            ConfigError: a file that Matchbox skips.
        """
        return None if self.data is None else read_tree(self.data)

    def explain_404(self, labels: Mapping[str, str]) -> str:
        """Why it has nothing for a machine with these labels, and what groups it has."""
        tree = self.tree
        if tree is None:
            return f"the groups of the Matchbox at {self.address[0]}:{self.address[1]} are not known here"
        return tree.explain_404(labels)

    def find_args(self, profile: str) -> Where | None:
        """Where the kernel arguments of a profile are written; None when that is not known."""
        tree = self.tree
        return None if tree is None else tree.find_args(profile)


def serve(
    keeper: Keeper,
    config: MatchboxConfig,
    directory: Path,
    *,
    program: Path,
    deadline: Deadline,
    assets: Assets = NO_ASSETS,
    record: Path | None = None,
) -> Matchbox:
    """Start Matchbox with the rig's data and wait until it answers.

    Data that is made from the nodes' images is empty until `Matchbox.assign`.

    Args:
        keeper: owns the process.
        config: the rig's section.
        directory: a folder of this bench alone; `matchbox` is written in it, unless the data is the user's own.
        program: the matchbox program; not used for one that runs already.
        deadline: for its first answer.
        assets: what is behind /assets/.
        record: base path of its log's recording.

    Raises:
        ConfigError: a file of the data directory that Matchbox would skip.
        InfrastructureError: it does not start, or does not answer.
    """
    if config.url is not None:
        parts = urlsplit(config.url)
        address = (str(parts.hostname), parts.port or 80)
        _check_answer(address, f"the Matchbox at {config.url}", deadline)
        return Matchbox(address, None, None, False)
    data, folder = _data(config, directory, assets)
    read_tree(data)
    argv = [str(program), "-address", "127.0.0.1:0", "-data-path", str(data), "-log-level", "debug"]
    keeper.spawn(STREAM, [*argv, "-assets-path", str(folder or "")], record=record)
    with keeper.attach(STREAM) as feed:
        address = _Starting(keeper, feed).address(deadline)
    _check_answer(address, "Matchbox", deadline)
    return Matchbox(address, data, STREAM, config.from_images)


def _data(config: MatchboxConfig, directory: Path, assets: Assets) -> tuple[Path, Path | None]:
    """The data directory, written if it is not the user's own, and the folder behind /assets/."""
    if config.data is not None:
        return config.data, assets.place(directory / "assets")
    written = directory / "matchbox"
    write_tree(written, config, assets)
    return written, written / "assets"


class _Starting:
    """A Matchbox process on its way to its port, with what it has said."""

    def __init__(self, keeper: Keeper, feed: Feed) -> None:
        self._keeper = keeper
        self._feed = feed
        self._said = b""
        self._ended = False

    def address(self, deadline: Deadline) -> tuple[str, int]:
        """Wait until it listens; it says so just before it does."""
        while _STARTING not in self._said:
            self._read(deadline, deadline.remaining())
        while not (places := self._keeper.listening(STREAM)):
            self._read(deadline, _PAUSE)
        return places[0]

    def _read(self, deadline: Deadline, seconds: float | None) -> None:
        readable, _, _ = select.select([self._feed], [], [], seconds)
        if readable:
            try:
                chunks = self._feed.read()
            except FeedClosed as error:
                self._keeper.exit_status(STREAM)  # a keeper that is gone says why, with its own last words
                raise self._failed("is out of reach: its log ended, and its keeper did not") from error
            self._said += b"".join(chunk.data for chunk in chunks)
            self._ended = any(not chunk.data for chunk in chunks)
        if self._ended:
            raise self._failed(f"ended at once, with status {self._keeper.exit_status(STREAM)}")
        if deadline.expired:
            raise self._failed(f"does not listen after {deadline}")

    def _failed(self, what: str) -> InfrastructureError:
        lines = self._said.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
        return InfrastructureError(
            f"Matchbox {what}",
            hint="its last words are above; `hil doctor` shows which Matchbox this is",
            evidence=lines,
        )


def _check_answer(address: tuple[str, int], what: str, deadline: Deadline) -> None:
    """See that GET / answers as Matchbox does (matchbox/http/handlers.go, homeHandler)."""
    place = f"{address[0]}:{address[1]}"
    try:
        answer = _get_root(address, deadline)
    except OSError as error:
        raise InfrastructureError(
            f"{what} does not answer at {place}: {error}", hint="see that it runs, and that this host reaches it"
        ) from error
    if not answer.endswith(b"\r\n\r\nmatchbox\n"):
        raise InfrastructureError(
            f"what answers at {place} is not Matchbox: GET / should give the one word `matchbox`",
            hint="correct url: in the rig file",
            evidence=answer[:200].decode("utf-8", "replace").splitlines(),
        )


def _get_root(address: tuple[str, int], deadline: Deadline) -> bytes:
    with socket.create_connection(address, deadline.sooner(_ONE_TRY).left()) as connection:
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {address[0]}\r\n\r\n".encode("ascii"))
        answer = b""
        while len(answer) < 1 << 16 and (data := connection.recv(4096)):
            answer += data
    return answer
