"""What a bench's Matchbox has behind /assets/: the user's folder, with the files that the rig names linked into it.

The user's own folder is never written to: where files are added, the bench has a folder of links. Which profile needs
which file is in `needs`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from hil.clock import Deadline
from hil.config.file_source import FileSource
from hil.config.rig import Rig
from hil.errors import ConfigError, HilBug, InfrastructureError, Problem
from hil.images.image import sha256_of
from hil.tools.cache import Cache
from hil.tools.fetch import DigestMismatch, fetch, shown
from hil.tools.progress import Progress

_WITHIN = 1800.0


@dataclass(frozen=True, slots=True)
class Assets:
    """What is behind /assets/.

    Args:
        folder: the user's, or None.
        files: what the rig adds, by its path behind /assets/; it stands before a file of the folder.
    """

    folder: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)

    def place(self, own: Path) -> Path | None:
        """The folder to serve: the user's as it is, or where files are added, one of links; None for none.

        Args:
            own: where the folder of links is made, if one is needed.

        Raises:
            InfrastructureError: it cannot be written.
        """
        if not self.files:
            return self.folder
        self.link_into(own)
        return own

    def link_into(self, own: Path) -> None:
        """Make links in a folder to all of it.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        paths = [PurePosixPath(path) for path in self.files]
        try:
            _link_all(own, self.folder, paths)
            for path, target in self.files.items():
                link(own / path, target)
        except OSError as error:
            raise InfrastructureError(
                f"the assets cannot be linked in {own}: {error}", hint="see that the disk has room"
            ) from error


NO_ASSETS: Final = Assets()
"""Nothing is behind /assets/, besides the images that the bench publishes there."""


def folder_of(rig: Rig) -> Path | None:
    """The user's folder of assets: the one that the rig names, or the one in the tree; None for none."""
    config, data = rig.matchbox.assets, rig.matchbox.data
    if config is not None and config.dir is not None:
        return config.dir
    inside = None if data is None else data / "assets"
    return inside if inside is not None and inside.is_dir() else None


def is_there(path: str, folder: Path | None, listed: Container[str] = ()) -> bool:
    """Whether there is a file under a path behind /assets/.

    Args:
        path: behind /assets/.
        folder: the user's, or None.
        listed: the paths that a rig adds.
    """
    return path in listed or (folder is not None and (folder / path).is_file())


def get_assets(rig: Rig, *, progress: Progress) -> Assets:
    """The assets of a rig; those that it names by URL are fetched, unless they are in the cache.

    Args:
        rig: whose.
        progress: told of each download.

    Raises:
        ConfigError: a file has another digest than the rig file says.
        InfrastructureError: a file cannot be fetched, or what came is not what was expected.
    """
    folder, config = folder_of(rig), rig.matchbox.assets
    sources = {} if config is None else config.files
    if not sources:
        return Assets(folder)
    cache, deadline = Cache(), Deadline.after(_WITHIN)
    return Assets(
        folder, {path: _get(rig, path, source, cache, deadline, progress) for path, source in sources.items()}
    )


def _get(rig: Rig, path: str, source: FileSource, cache: Cache, deadline: Deadline, progress: Progress) -> Path:
    if source.url is None or source.sha256 is None:
        return _checked(rig, path, source)
    try:
        return fetch(source.url, source.sha256, cache, progress=progress, deadline=deadline)
    except DigestMismatch as error:
        where = rig.where("matchbox", "assets", "files", path, "sha256")
        raise InfrastructureError(
            f"the asset {path} is not the file that was expected: what {shown(source.url)} sends has the sha256"
            f" {error.found}, and {where} says {error.expected}",
            hint="if it was replaced on purpose, write its new sha256 there; otherwise do not boot it, and compare"
            " with what its maker publishes",
        ) from error


def _checked(rig: Rig, path: str, source: FileSource) -> Path:
    if source.path is None:
        raise HilBug(f"the asset {path} has neither path nor url", hint="report this with the rig file")
    if source.sha256 is None:
        return source.path
    try:
        digest = sha256_of(source.path)
    except OSError as error:
        raise _refused(rig, path, "path", f"{source.path} cannot be read: {error.strerror}") from error
    if digest != source.sha256:
        raise _refused(rig, path, "sha256", f"{source.path} has another sha256: {digest}")
    return source.path


def _refused(rig: Rig, path: str, key: str, message: str) -> ConfigError:
    where = rig.where("matchbox", "assets", "files", path, key)
    return ConfigError([Problem(str(where.file), where.line, where.column, where.text, message)])


def _link_all(own: Path, folder: Path | None, added: Iterable[PurePosixPath]) -> None:
    """Links to all that is in a folder; a real folder wherever something is to be added below."""
    own.mkdir(parents=True, exist_ok=True)
    below: dict[str, list[PurePosixPath]] = {}
    for path in added:
        below.setdefault(path.parts[0], [])
        if len(path.parts) > 1:
            below[path.parts[0]].append(PurePosixPath(*path.parts[1:]))
    for entry in sorted(folder.iterdir()) if folder is not None else ():
        if entry.name not in below:
            link(own / entry.name, entry)
    for name, paths in below.items():
        if paths:
            inside = folder / name if folder is not None else None
            _link_all(own / name, inside if inside is not None and inside.is_dir() else None, paths)


def link(link: Path, target: Path) -> None:
    """Make or replace a symbolic link in one step: Matchbox may be reading it."""
    made = link.with_name(f".{link.name}.new")
    made.unlink(missing_ok=True)
    made.symlink_to(target.resolve())
    made.rename(link)
