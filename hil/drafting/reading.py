"""Reads a Matchbox tree of the user's own: groups, profiles, and the templates that profiles name. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from hil.config.source import printable
from hil.config.suggest import did_you_mean
from hil.errors import ConfigError, Problem
from hil.services.matchbox.json_place import find_key, find_text
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.tree import Tree

_LARGEST: Final = 1 << 20
_AGAIN: Final = "mend the tree and run `hil init` again; nothing was written"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file of the tree.

    Args:
        file: the file.
        line: 1-based; 0 for the whole file.
        column: 1-based; 0 for the whole line.
    """

    file: Path
    line: int = 0
    column: int = 0

    def undecided(self, message: str, hint: str) -> Problem:
        """That something here could not be decided; the line is not shown, for it may hold a secret."""
        return Problem(printable(str(self.file)), self.line, self.column, "", printable(message), printable(hint))


@dataclass(frozen=True, slots=True)
class UsersTree:
    """What was read.

    Args:
        data: the tree's folder, as the user named it.
        tree: its groups and profiles.
        templates: the text of each template that a profile names, by its id.
        texts: the text of each group's and profile's file.
    """

    data: Path
    tree: Tree
    templates: Mapping[str, str]
    texts: Mapping[Path, str]

    def template_file(self, ident: str) -> Path:
        """Where a template is."""
        return self.data / "generic" / ident

    def key(self, file: Path, *keys: str) -> Spot:
        """Where a key of a group's or profile's file stands; its first character when it is not there."""
        return Spot(file, *(find_key(self.texts[file], *keys) or (1, 1)))

    def text(self, file: Path, wanted: str) -> Spot:
        """Where a text of such a file stands."""
        return Spot(file, *(find_text(self.texts[file], wanted) or (1, 1)))


def read(data: Path) -> UsersTree:
    """Read a tree.

    Args:
        data: what Matchbox is given as -data-path.

    Raises:
        ConfigError: files that Matchbox would skip, or names of nothing; every one.
    """
    tree = read_tree(data)
    files = [*(group.file for group in tree.groups.values()), *(profile.file for profile in tree.profiles.values())]
    texts = {file: file.read_text("utf-8", "replace") for file in files}
    found = UsersTree(data, tree, {}, texts)
    problems = [*_nothing(found), *_dangling(found)]
    wanted = sorted({profile.generic for profile in tree.profiles.values() if profile.generic})
    templates: dict[str, str] = {}
    for ident in wanted:
        try:
            if PurePosixPath(ident).is_absolute() or ".." in PurePosixPath(ident).parts:
                raise ValueError(ident)
            with found.template_file(ident).open("rb") as stream:
                templates[ident] = stream.read(_LARGEST).decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            problems += _unreadable(found, ident, error)
    if problems:
        raise ConfigError(problems, hint=_AGAIN)
    return UsersTree(data, tree, templates, texts)


def _nothing(found: UsersTree) -> Iterator[Problem]:
    if not found.tree.groups:
        message = "there are no groups in it (groups/*.json)"
        hint = "name the folder that Matchbox is given as -data-path: groups/ and profiles/ are in it"
        yield Problem(printable(str(found.data)), 0, 0, "", message, hint)


def _dangling(found: UsersTree) -> Iterator[Problem]:
    """Groups whose profile is not there: their machines get a 404."""
    profiles = found.tree.profiles
    for group in found.tree.groups.values():
        if group.profile not in profiles:
            hint = did_you_mean(group.profile, profiles, what="profiles here")
            yield _problem(found, found.key(group.file, "profile"), f"there is no profile {group.profile!r}", hint)


def _unreadable(found: UsersTree, ident: str, error: OSError | ValueError) -> Iterator[Problem]:
    reason = error.strerror if isinstance(error, OSError) else "that names no file there"
    for profile in found.tree.profiles.values():
        if profile.generic == ident:
            message = f"the template generic/{ident} cannot be read: {reason}"
            yield _problem(found, found.key(profile.file, "generic_id"), message, "Matchbox answers 404 to /generic")


def _problem(found: UsersTree, spot: Spot, message: str, hint: str) -> Problem:
    lines = found.texts[spot.file].splitlines()
    line = printable(lines[spot.line - 1])[:200] if 0 < spot.line <= len(lines) else ""
    return Problem(printable(str(spot.file)), spot.line, spot.column, line, printable(message), printable(hint))
