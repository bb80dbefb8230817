"""What a bench makes for its Talos nodes before they boot: their machine configurations, and how Talos finds them.

One cluster a bench, so that its nodes could join one another; its keys live in the bench's private folder and end with
it. A node that joins a tailnet gets a key of its own for each boot. The making itself is Talos's own library, in
`hil.services.talos_config`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.talos import GENERATED, NONE
from hil.errors import ConfigError, Problem
from hil.images.image import Image
from hil.joining import SERVICE, Joining, idle_environment, join_environment
from hil.readiness.rounds import Missing
from hil.secrets import of_file
from hil.services.tailnet.tailnet import Tailnet
from hil.services.talos_config import MachineConfig, generate

_MADE_WITHIN: Final = 30.0
_LOOPBACK: Final = "127.0.0.1"
# The disk that a QEMU guest with virtio-blk has; Talos writes to it only when it is told to install itself.
_DISK: Final = "/dev/vda"


@dataclass(frozen=True, slots=True)
class Provision:
    """What one node gets.

    Args:
        machine_config: its machine configuration, to the letter.
        argument: the kernel argument by which Talos finds it.
        talosconfig: opens the node's API; None where the bench has none for this configuration.
    """

    machine_config: str = field(repr=False)
    argument: str
    talosconfig: Path | None


class Provisioning:
    """Makes and remembers what each node of a bench gets.

    Args:
        directory: the bench's private folder.
        cluster: what its cluster is called.
        bench: where the machines find Matchbox.
        lease: the address that a node's machine is given, by the node's name.
        program: talostool, got when it is first needed.
        joining: the bench's tailnet.
        hide: told of each secret in what it makes, before any machine knows it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        cluster: str,
        bench: HostPort,
        lease: Callable[[str], str],
        program: Callable[[], Path],
        joining: Joining,
        hide: Callable[[Iterable[str]], None],
    ) -> None:
        self._directory = directory
        self._cluster = cluster
        self._bench = bench
        self._lease = lease
        self._program = program
        self._joining = joining
        self._hide = hide
        self._made: dict[tuple[str, str], MachineConfig] = {}

    def provide(self, node: str, image: Image, source: Path | str | None) -> Provision | None:
        """What a node gets when it boots an image; at each of its boots the same, but for the key of a tailnet.

        Args:
            node: the node's name, which becomes its hostname.
            image: what it boots.
            source: as the rig's `machine_config:` says it; None for what the kind of image does by itself.

        Returns:
            None when no machine configuration is served.

        Raises:
            ConfigError: the file that the rig names cannot be read.
            InfrastructureError: none could be made.
        """
        if source is None:
            source = GENERATED if image.machine_config else NONE
        if source == NONE:
            return None
        argument = f"talos.config=http://{self._bench}/generic?mac=${{mac:hexhyp}}"
        if isinstance(source, Path):
            provision = Provision(_text(source), argument, None)
        else:
            made = self._generated(node, image)
            provision = Provision(_text(made.config), argument, made.talosconfig)
            self._hide(of_file(_text(made.talosconfig)))
        self._hide(of_file(provision.machine_config))
        return provision

    def _generated(self, node: str, image: Image) -> MachineConfig:
        tailnet = self._joining.open() if image.joins else None
        if (node, image.name) not in self._made or isinstance(tailnet, Tailnet):
            self._made[node, image.name] = self._generate(node, image, tailnet)
        return self._made[node, image.name]

    def _generate(self, node: str, image: Image, tailnet: Tailnet | Missing | None) -> MachineConfig:
        first = next(iter(self._made.values()), None)
        environments, address = dict(image.extension_configs), self._lease(node)
        if isinstance(tailnet, Tailnet):
            environments[SERVICE] = join_environment(tailnet, node, image)
        elif tailnet is not None:
            # Talos waits for each extension service: one without a configuration would hold up the whole boot.
            environments[SERVICE] = idle_environment(self._joining.nowhere, node, image)
        return generate(
            self._program(),
            self._directory / "talos" / f"{node}-{image.name}",
            cluster=self._cluster,
            hostname=node,
            endpoint=f"https://{address}:6443",
            sans=[_LOOPBACK, address],
            extension_configs=environments,
            install_disk=_DISK,
            deadline=Deadline.after(_MADE_WITHIN),
            secrets=None if first is None else first.secrets,
            trusted_roots=tailnet.ca_pem if isinstance(tailnet, Tailnet) else "",
        )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problem = Problem(str(file), 0, 0, "", f"the machine configuration cannot be read: {reason}")
        raise ConfigError([problem], hint="put a machine configuration there, or mend the rig file") from error
