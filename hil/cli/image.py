"""`hil image`: list the images of a rig, and build one without booting it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil.config.rig import Rig
    from hil.images.image import Asset, Image

_rig_option = click.option(
    "--rig", "rig_name", default="virt", show_default=True, metavar="RIG", help="A rig file, or a shipped rig."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(name="image")
def command() -> None:
    """List and build the images of a rig."""


@command.command(name="list")
@_rig_option
@_json_option
def list_(rig_name: str, as_json: bool) -> None:
    """List the images of a rig, and the nodes that boot them."""
    rig = _load(rig_name)
    booted_by = {image: [node for node, its in rig.nodes.items() if its.image == image] for image in rig.images}
    if as_json:
        rows = [
            {"name": image, "kind": config.kind, "nodes": booted_by[image]} for image, config in rig.images.items()
        ]
        click.echo(json.dumps({"schema": "hil.image-list/1", "rig": rig.name, "images": rows}, indent=2))
        return
    for image, config in rig.images.items():
        click.echo(f"{image}  kind {config.kind}  booted by: {', '.join(booted_by[image]) or 'no node'}")
    if not rig.images:
        click.echo(f"rig {rig.name} has no images: its machines boot what its Matchbox data says")


@command.command()
@click.argument("name")
@_rig_option
@_json_option
def build(name: str, rig_name: str, as_json: bool) -> None:
    """Build or fetch the image NAME of a rig, and say where its files are."""
    from hil.kinds import make_image
    from hil.tools.progress import shown_on

    rig = _load(rig_name)
    with closing(shown_on(sys.stderr)) as show:
        image = make_image(rig, name, show)
    if as_json:
        click.echo(json.dumps({"schema": "hil.image-build/1", "rig": rig.name, **_document(image)}, indent=2))
        return
    click.echo(f"{image.name}: kind {image.kind}, arguments: {' '.join(image.args) or 'none'}")
    for asset in image.assets:
        click.echo(f"  {asset.name}: {asset.size} bytes, sha256 {asset.sha256}")
        click.echo(f"    at {asset.path}")
        click.echo(f"    from {asset.origin}")


def _load(name: str) -> Rig:
    from hil.config.rig import load_rig

    return load_rig(name, cwd=Path.cwd())


def _document(image: Image) -> dict[str, object]:
    return {
        "name": image.name,
        "kind": image.kind,
        "args": list(image.args),
        "kernel": _asset(image.kernel),
        "initrds": [_asset(asset) for asset in image.initrds],
    }


def _asset(asset: Asset) -> dict[str, object]:
    return {
        "name": asset.name,
        "sha256": asset.sha256,
        "size": asset.size,
        "path": str(asset.path),
        "origin": asset.origin,
    }
