"""Which assets the profiles of a Matchbox need, and which of them are not there. Fetches nothing itself.

Only what the rig's own nodes boot has to be there; a missing file is then said of each profile that lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote, urljoin, urlsplit

from hil.config.model import HostPort
from hil.config.rig import Rig, Where
from hil.errors import ConfigError, Problem
from hil.services.matchbox.assets import Assets, folder_of, get_assets, is_there
from hil.services.matchbox.json_place import find_text
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.tree import Group, Profile, Tree, normal_mac
from hil.tools.progress import Progress

_ASSETS = "/assets/"
_HTTP = 80
_LONGEST_LINE = 200


def ready_assets(rig: Rig, bench: HostPort, *, progress: Progress) -> Assets:
    """The assets of a rig, fetched where they are named by URL, and all there that the profiles of its nodes need.

    Args:
        rig: whose.
        bench: where machines find Matchbox.
        progress: told of each download.

    Raises:
        ConfigError: files of the tree are wrong or not there, or one has another digest than the rig file says.
        InfrastructureError: a file cannot be fetched, or what came is not what was expected.
    """
    if rig.matchbox.data is not None:
        check_needs(rig, read_tree(rig.matchbox.data), bench, _in_its_file)
    elif rig.matchbox.profiles:
        check_needs(rig, _written(rig), bench, lambda profile, written: _in_rig(rig, profile, written))
    return get_assets(rig, progress=progress)


def check_needs(rig: Rig, tree: Tree, bench: HostPort, place: Callable[[Profile, str], Where]) -> None:
    """See that each file is there, or named in the rig, which a node of the rig is going to ask Matchbox for.

    Args:
        rig: its nodes say which profiles are booted.
        tree: the groups and profiles that Matchbox has.
        bench: where machines find Matchbox.
        place: where a text of a profile is written.

    Raises:
        ConfigError: files that are not there; each by every profile that lists it.
    """
    folder, config = folder_of(rig), rig.matchbox.assets
    listed = frozenset() if config is None else frozenset(config.files)
    booted = [profile for profile in tree.profiles.values() if profile.id in _booted(rig, tree)]
    missing = {path for each in booted for _, path in needs(each, bench) if not is_there(path, folder, listed)}
    problems = [
        _problem(profile, path, place(profile, written))
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


def _problem(profile: Profile, path: str, where: Where) -> Problem:
    message = f"profile {profile.id!r} lists the asset {path}, which is not there"
    return Problem(str(where.file), where.line, where.column, where.text, message)


def _in_its_file(profile: Profile, written: str) -> Where:
    text = profile.file.read_text("utf-8", "replace")
    line, column = find_text(text, written) or (1, 1)
    return Where(profile.file, line, column, text.splitlines()[line - 1][:_LONGEST_LINE] if text else "")


def _in_rig(rig: Rig, profile: Profile, written: str) -> Where:
    index = [each.id for each in rig.matchbox.profiles].index(profile.id)
    boot = rig.matchbox.profiles[index].boot
    key = ("kernel",) if boot.kernel == written else ("initrd", boot.initrd.index(written))
    return rig.where("matchbox", "profiles", index, "boot", *key)


def _written(rig: Rig) -> Tree:
    """The groups and profiles of the rig file itself, as Matchbox will read them."""
    groups, profiles = rig.matchbox.groups, rig.matchbox.profiles
    return Tree(
        {each.id: Group(each.id, each.profile, _normal(each.selector), rig.file) for each in groups},
        {each.id: Profile(each.id, each.boot.kernel, each.boot.initrd, each.boot.args, rig.file) for each in profiles},
    )


def _normal(selector: Mapping[str, str]) -> dict[str, str]:
    return {key: normal_mac(value) or value if key == "mac" else value for key, value in selector.items()}
