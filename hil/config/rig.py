"""A rig file, loaded: what a bench is made of, and where in the file each part of it stands.

`load_rig` finds the file, and reports everything that is wrong in it at once. Opens no bench and starts
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import Field

from hil.config.devices import twin_names
from hil.config.expect import Expect
from hil.config.explain import descend
from hil.config.kubernetes import KubeconfigChoice
from hil.config.matchbox import MatchboxConfig
from hil.config.model import Mac, Model, Seconds, Serial, Uuid
from hil.config.power import MeterConfig, PowerConfig
from hil.config.ready import ReadyConfig
from hil.config.rpi import RpiConfig
from hil.config.source import Source
from hil.config.suggest import did_you_mean
from hil.config.tailnet import TailnetConfig
from hil.config.talos import MachineConfigSource, TalosAccess
from hil.config.things import Thing
from hil.config.tree import YamlMapping
from hil.config.twin import TwinConfig
from hil.errors import UsageError
from hil.shipped import shipped

SUFFIXES: Final = (".yaml", ".yml")


class SegmentConfig(Model):
    """What all kinds of segment share; a kind's `Config` is a subclass."""

    kind: str = Field(description="which kind of segment")

    def things(self) -> tuple[Thing, ...]:
        """What of the real world it takes for itself alone; a virtual one nothing."""
        return ()


class ImageConfig(Model):
    """What all kinds of image share; a kind's `Config` is a subclass."""

    kind: str = Field(description="which kind of image")
    expect: Expect | None = Field(
        None,
        description="what must hold of a machine that booted it; its boot is then at its end when all of it holds",
    )
    machine_config: MachineConfigSource | None = Field(
        default=None,
        description="the Talos machine configuration that Matchbox serves to each node that boots it: a file, "
        "`generated`, or `none`",
    )


class NodeConfig(Model):
    """What all kinds of machine share; a kind's `Config` is a subclass.

    A loaded rig has given each node the mac, uuid and serial that its file leaves out.
    """

    kind: str = Field(description="which kind of machine")
    image: str | None = Field(default=None, description="which of the rig's images it boots")
    ready: ReadyConfig | None = Field(
        default=None, description="when its boot is at its end, where no image says it, or instead of what that says"
    )
    expect: Expect | None = Field(default=None, description="what must hold of it, instead of what its image says")
    talos: TalosAccess = Field(default=TalosAccess(), description="how the API of Talos on it is asked")
    kubernetes: KubeconfigChoice = Field(
        default=KubeconfigChoice(), description="how the Kubernetes API of its cluster is asked"
    )
    mac: Mac = Field(description="its MAC address")
    uuid: Uuid = Field(description="its SMBIOS UUID")
    serial: Serial = Field(description="its SMBIOS serial number")
    boot_within: Seconds = Field(default=120.0, gt=0, description="how long power-on to ready may take")

    def things(self) -> tuple[Thing, ...]:
        """What of the real world it takes for itself alone, locked before its bench starts; a virtual one nothing."""
        return ()

    def power_port(self) -> str | None:
        """The rig's name of the power port that it hangs on; a virtual one hangs on none."""
        return None

    def meter_name(self) -> str | None:
        """The rig's name of the meter that its supply goes through; a virtual one has none."""
        return None

    def raspberry(self) -> RpiConfig | None:
        """How a Raspberry Pi's own bootloader takes it to its firmware; a virtual one comes up with its firmware."""
        return None

    def devices(self) -> tuple[str, ...] | None:
        """What Linux calls its disks, as /dev/nvme0n1; None where only the machine itself knows."""
        return None


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a rig file.

    Args:
        file: the file.
        line: 1-based.
        column: 1-based.
        text: the line.
    """

    file: Path
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Rig:
    """One bench, as its file describes it.

    Args:
        name: what it is called.
        description: what it is, in one line; "" when the file does not say.
        segment: the network of the nodes.
        matchbox: whose boot data is served.
        tailnet: a control server of the user's own; None for the bench's.
        twin: how the bench twin behaves, where the rig names devices of it.
        images: what can be booted, by name.
        power: the power ports, by name.
        meters: the meters, by name.
        nodes: the machines, by name, in the order of the file; at least one.
        file: the file it came from, absolute.
        secrets: every text that the file took from the environment (`EnvValue`s), for whoever redacts a record.
    """

    name: str
    description: str
    segment: SegmentConfig
    matchbox: MatchboxConfig
    tailnet: TailnetConfig | None
    twin: TwinConfig
    images: Mapping[str, ImageConfig]
    power: Mapping[str, PowerConfig]
    meters: Mapping[str, MeterConfig]
    nodes: Mapping[str, NodeConfig]
    file: Path
    secrets: frozenset[str] = field(repr=False)
    source: Source = field(repr=False, compare=False)
    tree: YamlMapping = field(repr=False, compare=False)

    @property
    def directory(self) -> Path:
        """Where relative paths of the file start."""
        return self.file.parent

    @property
    def on_twin(self) -> bool:
        """Whether it names any device of the bench twin; a board's stand-in firmware is none."""
        sections = (*self.power.values(), *self.meters.values(), *self.nodes.values())
        named = {name for section in sections for name in twin_names(section)}
        boards = [node.raspberry() for node in self.nodes.values()]
        return bool(named - {board.firmware for board in boards if board and isinstance(board.firmware, str)})

    def where(self, *keys: str | int) -> Where:
        """Where a key stands, or a list's item: `rig.where("nodes", "node1", "image")`.

        A path that the file does not have (a default) gives the nearest place around it.
        """
        place = self.tree.place
        for count in range(1, len(keys) + 1):
            found = descend(self.tree, keys[:count], place, keys=True)
            if len(found.path) < count:
                break
            place = found.place
        return Where(self.file, place.line, place.column, self.source.line(place))


def load_rig(path_or_name: str | Path, *, cwd: Path, environment: Mapping[str, str] | None = None) -> Rig:
    """Load a rig.

    Args:
        path_or_name: a file (text with a "/" or a YAML suffix, or a Path), or the name of a rig that ships
            with hil.
        cwd: where a relative path starts.
        environment: what `!env` reads; the process's own when it is None.

    Raises:
        UsageError: there is no such file or shipped rig.
        ConfigError: the file is wrong; all that is wrong.
        InfrastructureError: a kind that it names cannot be loaded here.
    """
    from hil.config.reader import read_rig

    name, file = find_rig(path_or_name, cwd=cwd)
    return read_rig(name, file, os.environ if environment is None else environment)


def find_rig(path_or_name: str | Path, *, cwd: Path) -> tuple[str, Path]:
    """The file of a rig: its name for messages, and its absolute path. Arguments and UsageError as in
    `load_rig`."""
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or "/" in text or text.endswith(SUFFIXES):
        file = (cwd / path_or_name).absolute()
        try:
            found = "that is a directory" if file.is_dir() else None if file.is_file() else "there is no such file"
        except OSError as error:
            found = error.strerror or str(error)
        if found is None:
            return text, file
        hint = "give a file, or the name of a shipped rig; `hil rig list` shows them"
        raise UsageError(f"rig file {text!r}: {found} (from {cwd})", hint=hint)
    rigs = shipped_rigs()
    if text not in rigs:
        hint = did_you_mean(text, rigs, what="shipped rigs") + "; a file is given with its path, like ./rig.yaml"
        raise UsageError(f"there is no shipped rig {text!r}", hint=hint)
    return str(rigs[text]), rigs[text]


def shipped_rigs() -> dict[str, Path]:
    """The rigs that ship with hil: name and file, by name."""
    return {file.stem: file for file in sorted(shipped("rigs").glob("*.yaml"))}
