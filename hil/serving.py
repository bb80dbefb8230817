"""What a bench's Matchbox has for each node: the image that it is to boot, its configuration, and what became of that.

Opens no Matchbox and starts no machine; a Matchbox with data of the user's own gets nothing from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.asking import Asking
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.machine import Identity
from hil.provisioning import Provisioning
from hil.services.matchbox.follow import MatchboxFollower
from hil.services.matchbox.server import Matchbox

if TYPE_CHECKING:
    from hil.config.rig import Rig


@dataclass(frozen=True, slots=True)
class Serving:
    """Matchbox, for the nodes of one bench.

    Args:
        rig: what the bench was opened from.
        keeper: has Matchbox's log.
        matchbox: the bench's.
        provisioning: makes what Talos nodes are configured with.
        asking: told of each node's configuration, by its name.
    """

    rig: Rig
    keeper: Keeper
    matchbox: Matchbox
    provisioning: Provisioning
    asking: Mapping[str, Asking]

    def serve(self, node: str, mac: str) -> Callable[[Image], None] | None:
        """What has Matchbox boot an image on a node; None where the user's own data decides that."""
        if not self.rig.matchbox.from_images:
            return None
        return lambda image: self._serve(node, mac, image)

    def _serve(self, node: str, mac: str, image: Image) -> None:
        provision = self.provisioning.provide(node, image, self.rig.images[image.name].machine_config)
        self.asking[node].configured = provision
        if provision is None:
            self.matchbox.assign(node=node, mac=mac, image=image)
            return
        served = replace(image, args=(*image.args, provision.argument))
        self.matchbox.assign(node=node, mac=mac, image=served, machine_config=provision.machine_config)

    def follow(self, node: str, identity: Identity) -> MatchboxFollower | None:
        """What Matchbox does for a node from now on; None where its log is not the bench's."""
        if self.matchbox.stream is None:
            return None
        feed = self.keeper.attach(self.matchbox.stream, start=None)
        explain = self.matchbox.explain_404
        return MatchboxFollower(feed, node=node, mac=identity.mac, uuid=identity.uuid, explain=explain)

    def arguments(self, profile: str | None) -> tuple[str, tuple[str, ...]] | None:
        """The kernel arguments of a profile and where they stand, as file:line; None where that is not known."""
        tree = self.matchbox.tree
        if tree is None or profile is None or profile not in tree.profiles:
            return None
        arguments = tree.profiles[profile].args
        if self.rig.matchbox.from_images:
            return str(self.rig.where("images", profile, "args")), arguments
        where = self.matchbox.find_args(profile)
        return ("?" if where is None else f"{where.file}:{where.line}"), arguments
