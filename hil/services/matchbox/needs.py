"""Which assets the profiles of a user's Matchbox tree need, and which of them are not there. Opens no file of a tree.

Only what the rig's own nodes boot has to be there; a missing file is then said of each profile that lists it.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

from hil.config.model import HostPort
from hil.config.rig import Rig
from hil.errors import ConfigError, Problem
from hil.services.matchbox.assets import Assets, folder_of, get_assets, is_there
from hil.services.matchbox.json_place import find_text
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.tree import Profile, Tree
from hil.tools.progress import Progress

_ASSETS = "/assets/"
_HTTP = 80


def ready_assets(rig: Rig, bench: HostPort, *, progress: Progress) -> Assets:
    """The assets of a rig, fetched where they are named by URL, and all there that its nodes need of the user's tree.

    Args:
        rig: whose.
        bench: where machines find Matchbox.
        progress: told of each download.

    Raises:
        ConfigError: files of the tree are wrong or not there, or one has another digest than the rig file says.
        InfrastructureError: a file cannot be fetched, or what came is not what was expected.
    """
    if rig.matchbox.data is not None:
        check_needs(rig, read_tree(rig.matchbox.data), bench)
    return get_assets(rig, progress=progress)


def check_needs(rig: Rig, tree: Tree, bench: HostPort) -> None:
    """See that each file is there, or named in the rig, which a node of the rig is going to ask Matchbox for.

    Args:
        rig: its nodes say which profiles are booted.
        tree: the groups and profiles that Matchbox has.
        bench: where machines find Matchbox.

    Raises:
        ConfigError: files that are not there; each by every profile that lists it.
    """
    folder, config = folder_of(rig), rig.matchbox.assets
    listed = frozenset() if config is None else frozenset(config.files)
    booted = [profile for profile in tree.profiles.values() if profile.id in _booted(rig, tree)]
    missing = {path for each in booted for _, path in needs(each, bench) if not is_there(path, folder, listed)}
    problems = [
        _problem(profile, written, path)
        for profile in tree.profiles.values()
        for written, path in needs(profile, bench)
        if path in missing
    ]
    if problems:
        into = folder or "a folder that `assets:` names under `matchbox:`"
        by_url = "name each in the rig file, by url and sha256, under `assets: {files: ...}`"
        raise ConfigError(problems, hint=f"put the files into {into}, or {by_url}")


def needs(profile: Profile, bench: HostPort) -> Iterator[tuple[str, str]]:
    """What a machine asks Matchbox for: the text in the profile, and the path behind /assets/.

    Left out is what only iPXE can tell (`${...}`) and what another server has.
    """
    for written in (profile.kernel, *profile.initrd):
        url = url_of(written)
        path = None if "${" in url else _asset_path(url, bench)
        if path:
            yield written, path


def url_of(written: str) -> str:
    """The URL in a profile's `kernel` or one of `initrd`: options of iPXE stand before it, arguments after it.

    Source: iPXE, hci/commands/image_cmd.c (imgsingle: --name, --timeout, --autofree; "<uri> [<arguments>...]").
    """
    words = written.split()
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if words and option in ("--name", "-n", "--timeout", "-t"):
            words.pop(0)
    return words[0] if words else ""


def _asset_path(url: str, bench: HostPort) -> str | None:
    """The path behind /assets/ of this bench's Matchbox; None for anything else."""
    try:
        # iPXE takes a URL to be relative to that of the script, which is Matchbox's /ipxe.
        parts = urlsplit(urljoin(f"http://{bench}/ipxe", url))
        at = (parts.scheme, (parts.hostname or "").lower(), parts.port or _HTTP)
    except ValueError:
        return None
    path = unquote(parts.path)
    if at != ("http", bench.host.lower(), bench.port) or not path.startswith(_ASSETS):
        return None
    return path.removeprefix(_ASSETS).strip("/")


def _booted(rig: Rig, tree: Tree) -> frozenset[str]:
    """The profiles that the rig's nodes get: iPXE of a machine says these labels (Matchbox v0.11.0, /boot.ipxe)."""
    labels = ({"mac": n.mac, "uuid": str(n.uuid), "serial": n.serial, "arch": "arm64"} for n in rig.nodes.values())
    groups = (tree.select(each) for each in labels)
    return frozenset(group.profile for group in groups if group is not None)


def _problem(profile: Profile, written: str, path: str) -> Problem:
    text = profile.file.read_text("utf-8", "replace")
    line, column = find_text(text, written) or (1, 1)
    shown = text.splitlines()[line - 1][:200] if text else ""
    message = f"profile {profile.id!r} lists the asset {path}, which is not there"
    return Problem(str(profile.file), line, column, shown, message)
