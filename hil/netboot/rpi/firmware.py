"""Makes a board's tree out of the firmware that its rig names: its digest checked, and what the board needs taken.

Nothing is trusted unseen: every file has the digest that the rig says. Judges no config.txt (`hil.lint.raspberry`) and
writes no file (`tree.lay`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from hil.clock import Deadline
from hil.config.file_source import FileSource
from hil.config.rig import Where
from hil.config.rpi import RpiConfig
from hil.errors import ConfigError, HilBug, Problem
from hil.images.image import sha256_of
from hil.netboot.rpi.archive import MAX_FILE, Archive, BadArchive
from hil.netboot.rpi.config_txt import Board, ConfigTxt, parse
from hil.netboot.rpi.config_written import written
from hil.netboot.rpi.formats import fault_of
from hil.netboot.rpi.models import MODELS
from hil.netboot.rpi.named import optional_files, overlay_file, required_files
from hil.netboot.rpi.tree import Tree
from hil.tools.cache import Cache
from hil.tools.progress import Progress

_CONFIG: Final = "config.txt"
_SHOWN: Final = 12


class At(Protocol):
    """Where a key of a board's `rpi:` section stands; `rig.where` with the first keys bound."""

    def __call__(self, *keys: str | int) -> Where:
        """The place of `keys`, or the nearest around it."""


@dataclass(frozen=True, slots=True)
class _Maker:
    """What all steps of one tree need."""

    config: RpiConfig
    at: At
    cache: Cache
    deadline: Deadline
    progress: Progress


def tree_of(
    config: RpiConfig,
    mac: str,
    *,
    at: At,
    cache: Cache,
    deadline: Deadline,
    progress: Progress,
    stand_in: Path | None = None,
) -> Tree:
    """The files of one board.

    Args:
        config: the rig's section.
        mac: of the board's port.
        at: where keys of the section stand, for messages.
        cache: keeps what is fetched.
        deadline: for all downloads.
        progress: told of each.
        stand_in: the archive that the twin's firmware is, where `firmware` names one.

    Raises:
        ConfigError: a file is missing, is not what its digest or its name says, or has no digest.
        InfrastructureError: a URL cannot be fetched.
    """
    maker = _Maker(config, at, cache, deadline, progress)
    added = {name: _checked(maker, source, "files", name) for name, source in config.files.items()}
    if isinstance(config.firmware, FileSource):
        archive = _checked(maker, config.firmware, "firmware")
    elif stand_in is not None:
        archive = stand_in
    else:
        raise HilBug("there is no stand-in for a board's firmware", hint="report this with the rig file")
    return _taken(maker, mac, archive, added)


def _checked(maker: _Maker, source: FileSource, *keys: str) -> Path:
    """A file of the rig's, which has the digest that the rig says."""
    if source.url is not None and source.sha256 is not None:
        from hil.tools.fetch import fetch

        return fetch(source.url, source.sha256, maker.cache, progress=maker.progress, deadline=maker.deadline)
    if source.path is None:
        raise HilBug("a firmware file has neither path nor url", hint="report this with the rig file")
    try:
        digest = sha256_of(source.path)
    except OSError as error:
        raise _refused(maker.at(*keys), f"{source.path} cannot be read: {error.strerror}") from error
    if source.sha256 is None:
        written = _from(maker.at(*keys).file, source.path)
        hint = f"write {{path: {written}, sha256: {digest}}} if that is the digest its maker publishes"
        raise _refused(maker.at(*keys), f"{source.path} has no sha256 here, and nothing is served unseen", hint)
    if source.sha256 != digest:
        message = f"{source.path} has the sha256 {digest}, and the rig file says {source.sha256}"
        raise _refused(maker.at(*keys, "sha256"), message, "put the right file there, or write its digest")
    return source.path


def _from(rig: Path, path: Path) -> Path:
    """A file's path as a rig file names it, which begins at its own folder."""
    folder = rig.absolute().parent
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _taken(maker: _Maker, mac: str, path: Path, added: Mapping[str, Path]) -> Tree:
    """The tree, out of an archive and the files beside it."""
    try:
        with Archive(path) as archive:
            return _tree(maker, mac, _Files(archive, added, MODELS[maker.config.model].start))
    except (BadArchive, OSError) as error:
        raise _refused(maker.at("firmware"), f"{path}: {error}") from error


class _Files:
    """All files that there are, by the name that the board uses: the archive's below the folder of its start file."""

    def __init__(self, archive: Archive, added: Mapping[str, Path], start: str) -> None:
        self._archive = archive
        self._added = added
        self._folder = _folder_of(start, archive.names)
        inside = (name.removeprefix(self._folder) for name in archive.names if name.startswith(self._folder))
        self.names = frozenset(inside) | added.keys()

    def read(self, name: str) -> bytes:
        """The bytes of one of `names`.

        Raises:
            BadArchive: the archive is damaged there, or the file too large.
            OSError: a file beside it cannot be read.
        """
        if name not in self._added:
            return self._archive.read(self._folder + name)
        if self._added[name].stat().st_size > MAX_FILE:
            raise BadArchive(f"{self._added[name]} is larger than any file of a boot")
        return self._added[name].read_bytes()


def _folder_of(start: str, names: frozenset[str]) -> str:
    """The folder that holds the firmware, with its slash: the one nearest to the archive's top that has `start`, the
    first of several by its name."""
    named = (name for name in names if PurePosixPath(name).name == start)
    found = sorted(named, key=lambda name: (name.count("/"), name))
    return found[0].removesuffix(start) if found else ""


def _tree(maker: _Maker, mac: str, files: _Files) -> Tree:
    config = maker.config
    model = MODELS[config.model]
    text = _config_txt(maker, files)
    board = Board(model.filters, config.serial, model.type)
    required = required_files(config.model, config.via, parse(text), board)
    if config.config_txt is None:
        required += [overlay_file(parse(text), board, name) for name in parse(text).overlays(board)]
    missing = [name for name in required if name not in files.names]
    if missing:
        raise _missing(maker, missing, files.names)
    wanted = {*required, *(optional_files(config.model, parse(text), board) & files.names), *config.files}
    taken = {name: files.read(name) for name in sorted(wanted - {_CONFIG})}
    faults = [fault for name, data in taken.items() if (fault := fault_of(name, data))]
    if faults:
        raise _refused(maker.at("firmware"), "; ".join(faults), "take the files of one release, for this model")
    root = {name: taken.pop(name) for name in (model.bootcode,) if name}
    return Tree(config.model, mac, config.serial, {_CONFIG: text, **taken}, root)


def _config_txt(maker: _Maker, files: _Files) -> bytes:
    """The user's own, or hil's."""
    config = maker.config
    if config.config_txt is not None:
        try:
            return config.config_txt.read_bytes()
        except OSError as error:
            where = maker.at("config_txt")
            raise _refused(where, f"{config.config_txt} cannot be read: {error.strerror}") from error
    shipped: ConfigTxt | None = parse(files.read(_CONFIG)) if _CONFIG in files.names else None
    return written(
        model=config.model, serial=config.serial, via=config.via, available=files.names, shipped=shipped
    ).render()


def _missing(maker: _Maker, missing: list[str], names: frozenset[str]) -> ConfigError:
    has = sorted(names)
    more = f" and {len(has) - _SHOWN} more" if len(has) > _SHOWN else ""
    message = (
        f"a {maker.config.model} that boots by {maker.config.via} needs {', '.join(missing)}, and the firmware has"
        f" {', '.join(has[:_SHOWN]) or 'no file'}{more}"
    )
    hint = "name an archive that has it, or the file itself under `files:`"
    return _refused(maker.at("firmware"), message, hint)


def _refused(where: Where, message: str, hint: str = "put the right file there, or mend the rig file") -> ConfigError:
    return ConfigError([Problem(str(where.file), where.line, where.column, where.text, message, hint)])
