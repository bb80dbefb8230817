"""The image kind `files`: a kernel and its initramfs archives, as paths or as URLs with their digests.

Looks at the files before a machine is asked to boot them; builds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field

from hil.clock import Deadline
from hil.config.file_source import FileSource, NamedFile, WrittenSource
from hil.config.model import Fault
from hil.config.ready import Pattern, ReadyConfig
from hil.config.rig import ImageConfig
from hil.errors import ConfigError, HilBug, Problem
from hil.images.image import Asset, Image, Ready, sha256_of
from hil.images.kernel import check_kernel
from hil.images.ready import ready_of
from hil.tools.cache import Cache
from hil.tools.progress import Progress, quiet

_USERSPACE = r"Run \S+ as init process"


def _sources(value: object) -> object:
    return (value,) if isinstance(value, str | Path | Mapping) else value


class Config(ImageConfig):
    """An image of files."""

    kind: Literal["files"] = Field(description="files")
    kernel: NamedFile = Field(description="the kernel's file")
    initrd: Annotated[
        tuple[NamedFile, ...],
        BeforeValidator(_sources, json_schema_input_type=WrittenSource | tuple[WrittenSource, ...]),
    ] = Field((), description="the initramfs archives, in order; or one")
    args: tuple[str, ...] = Field((), description="kernel arguments")
    ready: ReadyConfig | None = Field(
        default=None, description="when a boot is at its end: console, http, or both; needed unless there is `expect`"
    )
    userspace: Pattern = Field(
        _USERSPACE, description="a regular expression for the console line of the first program"
    )

    def faults(self) -> Iterator[Fault]:
        """An image of which nothing says when its boot is at its end, or two things do."""
        if self.ready is None and self.expect is None:
            hint = 'add `ready: {console: "login: "}`, or `expect: {talos: {}}` for an image of Talos'
            yield Fault((), "nothing says when a boot of this image is at its end", hint)
        elif self.ready is not None and self.expect is not None:
            message = "a boot of this image is at its end when what it expects holds"
            yield Fault(("ready",), message, "delete `ready:` or `expect:`")


def create(
    config: Config, *, name: str, cache: Cache, deadline: Deadline, progress: Progress = quiet, check: bool = True
) -> Image:
    """The image, its files fetched and looked at.

    Args:
        config: the rig's section.
        name: the rig's name for the image.
        cache: keeps what was fetched.
        deadline: for all downloads.
        progress: told of each download.
        check: refuse a kernel that this machine cannot boot; False shows what a boot does with it.

    Raises:
        ConfigError: a file is gone, cannot be read, or has another digest than the rig file says.
        NodeError: the kernel is for another architecture, or cut short.
        InfrastructureError: a URL cannot be fetched.
    """

    def fetched(url: str, sha256: str) -> Asset:
        from hil.tools.fetch import fetch, shown

        path = fetch(url, sha256, cache, progress=progress, deadline=deadline)
        return Asset(_url_name(url), path, sha256, shown(url))

    kernel = _asset(config.kernel, "kernel", fetched)
    if check:
        check_kernel(kernel.path)
    initrds = tuple(_asset(source, "initrd", fetched) for source in config.initrd)
    return Image(
        name=name,
        kind=config.kind,
        kernel=kernel,
        initrds=_with_own_names(initrds, taken={kernel.name}),
        args=config.args,
        ready=Ready() if config.ready is None else ready_of(config.ready),
        userspace=re.compile(config.userspace.encode()),
        expect=config.expect,
    )


def _url_name(url: str) -> str:
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or "file"


def _asset(source: FileSource, what: str, fetched: Callable[[str, str], Asset]) -> Asset:
    if source.url is not None and source.sha256 is not None:
        return fetched(source.url, source.sha256)
    if source.path is None:
        raise HilBug(f"the {what} has neither path nor url", hint="report this with the rig file")
    try:
        digest = sha256_of(source.path)
    except OSError as error:
        raise _refused(source.path, f"the {what} cannot be read: {error.strerror}") from error
    if source.sha256 not in (None, digest):
        raise _refused(source.path, f"the {what} has the sha256 {digest}, and the rig file says {source.sha256}")
    return Asset(source.path.name, source.path, digest, str(source.path))


def _refused(path: Path, message: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, "", message)], hint="put the right file there, or mend the rig file")


def _with_own_names(initrds: tuple[Asset, ...], taken: set[str]) -> tuple[Asset, ...]:
    """The assets, one whose name another has with its number before it."""
    named: list[Asset] = []
    for number, asset in enumerate(initrds, start=1):
        name = asset.name
        while name in taken:
            name = f"{number}-{name}"
        taken.add(name)
        named.append(Asset(name, asset.path, asset.sha256, asset.origin))
    return tuple(named)
