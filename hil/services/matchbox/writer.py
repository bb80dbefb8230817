"""Writes a Matchbox data directory: from a rig's own groups and profiles, or from what its nodes boot.

The layout is that of Matchbox v0.11.0 (docs/matchbox.md), which reads each file anew at each request: what is
written here holds from the next request on. A tree of the user's own is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from pydantic import JsonValue

from hil.config.matchbox import Boot, Group, MatchboxConfig, Profile
from hil.errors import ConfigError, InfrastructureError, Problem
from hil.images.image import Image
from hil.services.matchbox.assets import NO_ASSETS, Assets, link

_FOLDERS = ("groups", "profiles", "generic", "assets")
_TEMPLATE = "hil-machine-config"
_MACHINE_CONFIG = "machine_config"


def write_tree(directory: Path, config: MatchboxConfig, assets: Assets = NO_ASSETS) -> None:
    """Write the groups, profiles and templates that a rig file has, and link to its assets.

    Args:
        directory: made if it is not there; `assets` in it is what -assets-path names.
        config: the rig's section; one that has no groups gives an empty tree.
        assets: what is behind /assets/, besides images.

    Raises:
        InfrastructureError: the directory cannot be written.
    """
    try:
        for name in _FOLDERS:
            (directory / name).mkdir(parents=True, exist_ok=True)
        for group in config.groups:
            _write_json(directory / "groups" / f"{group.id}.json", group.model_dump())
        for profile in config.profiles:
            _write_json(directory / "profiles" / f"{profile.id}.json", profile.model_dump(exclude_none=True))
        for name, text in config.generic.items():
            (directory / "generic" / name).write_text(text, "utf-8")
    except OSError as error:
        raise _unwritable(directory, error) from error
    assets.link_into(directory / "assets")


def publish(directory: Path, image: Image) -> None:
    """Serve an image's files under /assets/IMAGE/; they lie where they were, and are linked to.

    Args:
        directory: as `write_tree` left it.
        image: what is to be served.

    Raises:
        ConfigError: the rig's assets have an entry of the image's name.
        InfrastructureError: the directory cannot be written.
    """
    folder = directory / "assets" / image.name
    if folder.is_symlink():
        message = f"has the name of the image {image.name!r} of this rig"
        raise ConfigError([Problem(str(folder.readlink()), 0, 0, "", message)], hint="rename one of the two")
    try:
        folder.mkdir(exist_ok=True)
        for asset in image.assets:
            link(folder / asset.name, asset.path)
    except OSError as error:
        raise _unwritable(directory, error) from error


def assign(directory: Path, *, node: str, mac: str, image: Image, machine_config: str | None = None) -> None:
    """Have a node boot an image from now on: publish it, with a profile of it and a group of the node alone.

    Args:
        directory: as `write_tree` left it.
        node: the node's name, which becomes the group's id.
        mac: the node's MAC address, by which the group selects it.
        image: what it boots; its name becomes the profile's id.
        machine_config: what `/generic?mac=...` answers to the node, to the letter; None for nothing.

    Raises:
        ConfigError, InfrastructureError: as `publish`.
    """
    publish(directory, image)
    served = machine_config is not None
    metadata: dict[str, JsonValue] = {_MACHINE_CONFIG: machine_config} if served else {}
    group = Group(id=node, name=f"node {node}", profile=image.name, selector={"mac": mac}, metadata=metadata)
    try:
        if served:
            # Matchbox puts a group's metadata into its profile's template (docs/matchbox.md, "Generic").
            (directory / "generic" / _TEMPLATE).write_text(f"{{{{.{_MACHINE_CONFIG}}}}}", "utf-8")
        profile = _profile(image, _TEMPLATE if served else None).model_dump(exclude_none=True)
        _write_json(directory / "profiles" / f"{image.name}.json", profile)
        _write_json(directory / "groups" / f"{node}.json", group.model_dump())
    except OSError as error:
        raise _unwritable(directory, error) from error


def _profile(image: Image, template: str | None) -> Profile:
    folder = f"/assets/{quote(image.name)}"
    boot = Boot(
        kernel=f"{folder}/{quote(image.kernel.name)}",
        initrd=tuple(f"{folder}/{quote(asset.name)}" for asset in image.initrds),
        args=image.args,
    )
    return Profile(id=image.name, name=f"image {image.name}", boot=boot, generic_id=template)


def _write_json(file: Path, value: Mapping[str, object]) -> None:
    """Replace a file in one step: Matchbox may be reading it."""
    made = file.with_suffix(".new")
    made.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
    made.rename(file)


def _unwritable(directory: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"Matchbox's data cannot be written to {directory}: {error}", hint="see that the disk has room"
    )
