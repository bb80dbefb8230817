"""Opens a rig and closes it, whatever happened in between: keeper, segment, Matchbox, machines, in this order.

What each of them does is in its own module; here is only what belongs to whom. A bench that is closed has left
nothing behind; one that is kept belongs to its keeper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hil.asking import Asking, Own
from hil.boot import Patience
from hil.clock import Deadline
from hil.errors import UsageError
from hil.images.image import Image
from hil.images.ready import ready_of
from hil.joining import Joining, Programs
from hil.keeper.client import Keeper
from hil.keeper.early import EarlyKeeper
from hil.keeper.runtime import new_runtime_dir
from hil.kinds import Segment, known_image, make_image, make_machine, make_segment
from hil.machines.place import Place, Session
from hil.missed import settle_missed
from hil.netboot.capture.choice import DEFAULT, Capture
from hil.netboot.rpi.bootloader import listening
from hil.node import Fittings, Node
from hil.provisioning import Provisioning
from hil.readiness.rounds import Missing
from hil.redaction import HIDDEN
from hil.report.folder import new_folder, stamp_name
from hil.secrets import hide_known
from hil.services.matchbox.answer import answer
from hil.services.matchbox.needs import ready_assets
from hil.services.matchbox.server import Matchbox, serve
from hil.serving import Serving
from hil.supplies import Supplies, identity_of, open_supplies
from hil.taking import AT_ONCE, take_things
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import Progress, quiet
from hil.trees import make_trees

if TYPE_CHECKING:
    from hil.config.model import HostPort
    from hil.config.rig import NodeConfig, Rig
    from hil.services.tailnet.tailnet import Tailnet
    from hil.sim.client import TwinControl

_KEEPER_STARTS = 10.0
_MATCHBOX_STARTS = 10.0
_TALOSTOOL_BUILT = 1800.0
_NETWORK_SAYS = 5.0


class Bench:
    """A rig that is open.

    Args:
        rig: what it was opened from.
        folder: where all records of it are.
        keeper: what owns its processes.
        matchbox: its Matchbox.
        segment: the network of its machines.
        supplies: what its machines hang on.
        image: every node's image instead of the rig's own, or None.
        capture: what is kept of the machines' packets.
        provisioning: makes what Talos nodes are configured with.
        joining: its tailnet.
        fetch: what Matchbox answers to a URL as a machine would ask for it, by a deadline.
        progress: told of what is fetched and built for an image.
    """

    def __init__(
        self,
        rig: Rig,
        folder: Path,
        keeper: Keeper,
        matchbox: Matchbox,
        segment: Segment,
        supplies: Supplies,
        image: str | None,
        capture: Capture,
        provisioning: Provisioning,
        joining: Joining,
        fetch: Callable[[str, Deadline], bytes],
        progress: Progress,
    ) -> None:
        self.rig = rig
        self.folder = folder
        self.keeper = keeper
        self.matchbox = matchbox
        self._segment = segment
        self._supplies = supplies
        self._capture = capture
        self._joining = joining
        self._fetch = fetch
        self._progress = progress
        self._images: dict[str, Image] = {}
        self._asking: dict[str, Asking] = {}
        self._serving = Serving(rig, keeper, matchbox, provisioning, self._asking)
        self.nodes: Mapping[str, Node] = {
            name: self._node(name, config, image or config.image or "") for name, config in supplies.rig.nodes.items()
        }

    @property
    def name(self) -> str:
        """What users type to reach a bench that is kept."""
        return self.keeper.directory.name

    @property
    def twin(self) -> TwinControl | None:
        """Sets the faults of the bench twin; None where the rig names no device of it."""
        return self._supplies.twin

    @property
    def tailnet(self) -> Tailnet | Missing:
        """The tailnet that its nodes join, opened when it is first asked for; or why this host can have none.

        Raises:
            InfrastructureError: a program of it cannot be had, or does not start.
        """
        return self._joining.open()

    def choose(self, names: Sequence[str] = ()) -> list[Node]:
        """The nodes of these names, or all of them.

        Raises:
            UsageError: the rig has no such node.
        """
        for name in names:
            if name not in self.nodes:
                raise UsageError(
                    f"rig {self.rig.name} has no node {name!r}", hint=f"its nodes are: {', '.join(self.nodes)}"
                )
        return [self.nodes[name] for name in names or self.nodes]

    def image(self, name: str) -> Image:
        """An image of the rig by its name, made when it is first asked for.

        Raises:
            UsageError: the rig has no such image.
            ConfigError, NodeError, InfrastructureError: it cannot be made.
        """
        if name not in self._images:
            self._images[name] = make_image(self.rig, name, self._progress)
        return self._images[name]

    def _node(self, name: str, config: NodeConfig, image: str) -> Node:
        identity, session = identity_of(config), Session(self.folder)
        supply = self._supplies.of(config)
        place = Place(
            name,
            self.keeper,
            self.keeper.directory,
            self._segment.cable(name),
            identity,
            session,
            self._capture,
            lambda: HIDDEN.secrets,
            supply,
            self._supplies.words(name),
        )
        machine = make_machine(config, place)
        own = Own(config.expect, config.talos, config.kubernetes)
        self._asking[name] = Asking(name, machine, self.keeper.directory, own, lambda: self._joining.in_tailnet)
        fittings = Fittings(
            keeper=self.keeper,
            folder=self.folder,
            patience=Patience(boot=config.boot_within, switch=supply.switches_within + 2 * supply.off_at_least),
            serve=self._serving.serve(name, config.mac),
            image=self.image,
            follow=lambda: self._serving.follow(name, identity),
            arguments=self._serving.arguments,
            fetch=self._fetch,
            deaths=self._segment.deaths,
            bootloader=listening(self.keeper, name, config.mac, config.raspberry(), self._segment.bench.host),
            elsewhere=lambda: self._segment.elsewhere(name, deadline=Deadline.after(_NETWORK_SAYS)),
            session=session,
            asking=self._asking[name],
            facts={
                "rig": self.rig.name,
                "machine": machine.kind,
                "segment": self.rig.segment.kind,
                **self._segment.facts,
                "mac": identity.mac,
                "uuid": identity.uuid,
                "serial": identity.serial,
                **machine.facts,
            },
        )
        return Node(name, machine, image, None if config.ready is None else ready_of(config.ready), fittings)


@contextmanager
def open_bench(
    rig: Rig,
    *,
    artifacts: Path,
    keep: bool = False,
    image: str | None = None,
    capture: Capture = DEFAULT,
    early: EarlyKeeper | None = None,
    wait: Deadline = AT_ONCE,
    progress: Progress = quiet,
) -> Iterator[Bench]:
    """Open a rig, and close it at the end of the block, whatever happens in it.

    Args:
        rig: what to open.
        artifacts: the folder under which this bench makes its own.
        keep: leave it open when the block ends without an error; `hil bench end NAME` ends it then.
        image: every node's image instead of the rig's own.
        capture: what is kept of the machines' packets.
        early: the keeper to take, where one is on its way.
        wait: how long to wait for things (a serial line, a relay's channel) that another bench holds.
        progress: told of what is fetched and built for an image, which can take minutes, and for whom is waited.

    Raises:
        InfrastructureError: the bench cannot be opened, or another one holds a thing that it needs (locks.Busy).
        ConfigError: the user's data is wrong.
        UsageError: the rig has no such image.
    """
    if image is not None:
        known_image(rig, image)
        if not rig.matchbox.from_images:
            raise UsageError(
                f"image {image!r} was asked for, but the Matchbox of rig {rig.name} has data of its own",
                hint="take `matchbox:` out of the rig file, or change that data",
            )
    settle_missed(progress)
    with _keeper(rig, early) as keeper:
        hide_known(rig, keeper.hide, progress)
        take_things(rig, keeper, wait, progress)
        folder = new_folder(artifacts, stamp_name(rig.name))
        segment = make_segment(rig, keeper, folder, make_trees(rig, keeper.directory, progress))
        matchbox = _matchbox(rig, keeper, folder, segment.bench, progress)
        with open_supplies(rig, keeper, segment, progress) as supplies:
            bench = _put_together(rig, folder, keeper, segment, matchbox, supplies, image, capture, progress)
            try:
                yield bench
                if keep:
                    keeper.policy(True)
            finally:
                for node in bench.nodes.values():
                    node.close()


def _put_together(
    rig: Rig,
    folder: Path,
    keeper: Keeper,
    segment: Segment,
    matchbox: Matchbox,
    supplies: Supplies,
    image: str | None,
    capture: Capture,
    progress: Progress,
) -> Bench:
    """The bench around its segment and Matchbox: tailnet and configurations, none of which runs yet."""
    record = folder / "tailnet"
    joining = Joining(keeper, keeper.directory, rig.tailnet, segment.bench, _tailnet_programs, record)
    segment.serve({segment.bench: matchbox.address, **joining.services})
    provisioning = Provisioning(
        keeper.directory,
        cluster=rig.name,
        bench=segment.bench,
        lease=segment.lease,
        program=_talostool,
        joining=joining,
        hide=keeper.hide,
    )

    def fetch(url: str, deadline: Deadline) -> bytes:
        return answer(url, seen=segment.bench, address=matchbox.address, deadline=deadline)

    return Bench(
        rig, folder, keeper, matchbox, segment, supplies, image, capture, provisioning, joining, fetch, progress
    )


def _keeper(rig: Rig, early: EarlyKeeper | None) -> Keeper:
    if early is not None:
        return early.take()
    return Keeper.start(new_runtime_dir(rig.name), deadline=Deadline.after(_KEEPER_STARTS))


def _matchbox(rig: Rig, keeper: Keeper, folder: Path, seen: HostPort, progress: Progress) -> Matchbox:
    return serve(
        keeper,
        rig.matchbox,
        keeper.directory,
        program=programs.matchbox(),
        assets=ready_assets(rig, seen, progress=progress),
        deadline=Deadline.after(_MATCHBOX_STARTS),
        record=folder / "matchbox",
    )


def _talostool() -> Path:
    return node_program("talostool", Cache(), progress=quiet, deadline=Deadline.after(_TALOSTOOL_BUILT))


def _tailnet_programs() -> Programs:
    return Programs(headscale=programs.headscale(), tailscaled=programs.tailscaled())
