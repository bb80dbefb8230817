"""What a rig's Raspberry Pis fetch before their own firmware runs; made before their segment is. Serves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.clock import Deadline
from hil.config.devices import is_twin, twin_names
from hil.errors import UsageError
from hil.lint.finding import Severity
from hil.lint.raspberry.check import check_tree, refuse_errors
from hil.netboot.rpi.firmware import tree_of
from hil.netboot.rpi.tree import Tree
from hil.tools.cache import Cache
from hil.tools.progress import Progress, Step

if TYPE_CHECKING:
    from hil.config.rig import Rig
    from hil.config.rpi import RpiConfig

_FETCHED_WITHIN: Final = 600.0


def make_trees(rig: Rig, directory: Path, progress: Progress) -> Mapping[str, Tree]:
    """The files of each board that has an `rpi:` section, by the nodes' names.

    Args:
        rig: loaded.
        directory: the bench's private folder; the twin's stand-ins are made there.
        progress: told of what is fetched.

    Raises:
        ConfigError: a file is missing, is not what its digest or its name says, or will not boot.
        UsageError: a real board is to get the twin's stand-in.
        InfrastructureError: a URL cannot be fetched.
    """
    deadline = Deadline.after(_FETCHED_WITHIN)
    trees: dict[str, Tree] = {}
    for name, node in rig.nodes.items():
        config = node.raspberry()
        if config is None:
            continue
        _refuse_stand_in(rig, name, config)
        trees[name] = tree_of(
            config,
            node.mac,
            at=partial(rig.where, "nodes", name, "rpi"),
            cache=Cache(),
            deadline=deadline,
            progress=progress,
            stand_in=_stand_in(config, directory),
        )
        _judge(trees[name], config, progress)
    return trees


def _judge(tree: Tree, config: RpiConfig, progress: Progress) -> None:
    """Refuse what will not boot, and tell what may not."""
    checked = check_tree(tree, config)
    refuse_errors(checked)
    for one in checked:
        for problem in one.problems(Severity.WARNING):
            progress(Step(problem.render().splitlines()[0]))


def _refuse_stand_in(rig: Rig, name: str, config: RpiConfig) -> None:
    """Refuse the stand-in for a board of which nothing else is the twin's, as in a copy of a rig on the twin."""
    node = rig.nodes[name]
    port, meter = node.power_port(), node.meter_name()
    names = {*twin_names(node)}
    names |= set() if port is None else {*twin_names(rig.power[port])}
    names |= set() if meter is None else {*twin_names(rig.meters[meter])}
    if names == {config.firmware}:
        raise UsageError(
            f"{rig.where('nodes', name, 'rpi', 'firmware')}: {config.firmware} is a stand-in that the bench twin alone"
            f" can boot, and nothing that {name} hangs on is the twin's",
            hint="name an archive of yours, as firmware: {path: ..., sha256: ...} (docs/raspberry-files.md)",
        )


def _stand_in(config: RpiConfig, directory: Path) -> Path | None:
    if not (isinstance(config.firmware, str) and is_twin(config.firmware)):
        return None
    from hil.sim.rom.stand_in import make

    return make(directory, config.model)
