"""Writes a Matchbox data directory: from a rig's own groups and profiles, or from what its nodes boot.

The layout is that of Matchbox v0.11.0 (docs/matchbox.md). A tree of the user's own is never touched here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from hil.config.matchbox import Boot, Group, MatchboxConfig, Profile
from hil.errors import ConfigError, InfrastructureError, Problem
from hil.images.image import Image


class BootsImage(Protocol):
    """What is needed of a node to serve its image to it."""

    @property
    def mac(self) -> str:
        """Its MAC address, aa:bb:cc:dd:ee:ff."""
        ...

    @property
    def image(self) -> str | None:
        """The rig's name for the image that it boots."""
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """All that a written data directory holds.

    Args:
        groups: which machines get which profile.
        profiles: what is booted.
        generic: templates by id.
    """

    groups: Sequence[Group]
    profiles: Sequence[Profile]
    generic: Mapping[str, str] = field(default_factory=dict)


def data_from_images(nodes: Mapping[str, BootsImage], images: Mapping[str, Image]) -> Data:
    """One profile for each image that a node boots, and one group for each such node, by its MAC address.

    Args:
        nodes: the rig's nodes by name.
        images: by the rig's names; at least those that the nodes name.
    """
    booting = {name: node for name, node in nodes.items() if node.image is not None}
    used = sorted({str(node.image) for node in booting.values()})
    return Data(
        groups=[
            Group(id=name, name=f"node {name}", profile=str(node.image), selector={"mac": node.mac})
            for name, node in booting.items()
        ],
        profiles=[_profile(images[name]) for name in used],
    )


def data_from_config(config: MatchboxConfig) -> Data:
    """The groups, profiles and templates that a rig file writes out."""
    return Data(config.groups, config.profiles, config.generic)


def _profile(image: Image) -> Profile:
    folder = f"/assets/{image.name}"
    boot = Boot(
        kernel=f"{folder}/{quote(image.kernel.name)}",
        initrd=tuple(f"{folder}/{quote(asset.name)}" for asset in image.initrds),
        args=image.args,
    )
    return Profile(id=image.name, name=f"image {image.name}", boot=boot)


def write_tree(directory: Path, data: Data, *, images: Iterable[Image], assets: Path | None = None) -> None:
    """Write the directory; its files lie where they were, and are linked to.

    Args:
        directory: made if it is not there; `assets` in it is what -assets-path names.
        data: groups, profiles and templates.
        images: their files are under assets/IMAGE/.
        assets: a folder of the user's, whose entries are under assets/ as well.

    Raises:
        ConfigError: an image and an entry of `assets` have one name.
        InfrastructureError: the directory cannot be written.
    """
    try:
        for name in ("groups", "profiles", "generic", "assets"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        for group in data.groups:
            _write_json(directory / "groups" / f"{group.id}.json", group.model_dump())
        for profile in data.profiles:
            _write_json(directory / "profiles" / f"{profile.id}.json", profile.model_dump(exclude_none=True))
        for name, text in data.generic.items():
            (directory / "generic" / name).write_text(text, "utf-8")
        _link_assets(directory / "assets", images, assets)
    except OSError as error:
        raise InfrastructureError(
            f"Matchbox's data cannot be written to {directory}: {error}", hint="see that the disk has room"
        ) from error


def _write_json(file: Path, value: Mapping[str, object]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


def _link_assets(folder: Path, images: Iterable[Image], assets: Path | None) -> None:
    for image in images:
        (folder / image.name).mkdir(exist_ok=True)
        for asset in image.assets:
            (folder / image.name / asset.name).symlink_to(asset.path.resolve())
    if assets is None:
        return
    for entry in sorted(assets.iterdir()):
        if (folder / entry.name).exists():
            message = f"has an entry {entry.name!r}, which is the name of an image of this rig"
            raise ConfigError([Problem(str(assets), 0, 0, "", message)], hint="rename one of the two")
        (folder / entry.name).symlink_to(entry.resolve())
