"""A rig's `matchbox:` section: whose data is served, and the typed groups and profiles of Matchbox v0.11.0.

Field names and meaning are Matchbox's own (matchbox/storage/storagepb/storage.proto and docs/matchbox.md
at v0.11.0). This module writes no data and starts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from hil.config.assets import WrittenAssets
from hil.config.model import Fault, Model, RigDirectory, invalid, shown_as
from hil.config.suggest import did_you_mean

_ID: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_URL: Final = r"http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?"


def _json(value: object) -> object:
    """Lists of a file, which are tuples, as the lists of JSON."""
    if isinstance(value, tuple | list):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    return value


def _identifier(text: str) -> str:
    if re.fullmatch(_ID, text) is None:
        raise invalid(f"{text[:40]!r} cannot be an id: it names a file", "use letters, digits, '.', '_' and '-'")
    return text


def _url(text: str) -> str:
    if re.fullmatch(_URL, text) is None:
        raise invalid(f"{text[:80]!r} is not the address of a Matchbox", "write it like http://192.168.1.10:8080")
    return text.rstrip("/")


Identifier: TypeAlias = Annotated[str, AfterValidator(_identifier), shown_as(_ID)]
"""The id of a group, profile or template: Matchbox keeps each in a file of that name."""

MatchboxUrl: TypeAlias = Annotated[str, AfterValidator(_url), shown_as(_URL, "http://192.168.1.10:8080")]
"""The address of a Matchbox, which speaks HTTP alone to machines."""


class Boot(Model):
    """What a profile boots."""

    kernel: str = Field(description="URL or /assets/ path of the kernel", min_length=1)
    initrd: tuple[str, ...] = Field((), description="URLs or /assets/ paths of the initial RAM disks, in order")
    args: tuple[str, ...] = Field(default=(), description="kernel arguments")


class Profile(Model):
    """A Matchbox profile: what is booted."""

    id: Identifier = Field(description="the profile's id")
    name: str = Field(default="", description="what a person calls it")
    boot: Boot = Field(description="kernel, initrd and args")
    generic_id: Identifier | None = Field(default=None, description="the generic template that goes with it")


class Group(Model):
    """A Matchbox group: which machines get a profile."""

    id: Identifier = Field(description="the group's id")
    name: str = Field(default="", description="what a person calls it")
    profile: Identifier = Field(description="the id of the profile for machines of this group")
    selector: dict[str, str] = Field(
        default={}, description="labels that a machine must send, all of them; none matches any"
    )
    metadata: Annotated[dict[str, JsonValue], BeforeValidator(_json)] = Field(
        default={}, description="values for the generic template and for /metadata"
    )


class MatchboxConfig(Model):
    """Where boot data comes from: a tree of the user's own, typed groups and profiles, or a Matchbox that
    runs already.

    With none of them, it is written from the nodes' images.
    """

    data: RigDirectory | None = Field(default=None, description="a Matchbox data directory, served unchanged")
    assets: WrittenAssets | None = Field(
        default=None, description="what is behind /assets/: a directory, or `dir` and `files`"
    )
    url: MatchboxUrl | None = Field(default=None, description="a Matchbox that runs already")
    groups: tuple[Group, ...] = Field(default=(), description="groups to write")
    profiles: tuple[Profile, ...] = Field(default=(), description="profiles to write")
    generic: dict[Identifier, str] = Field(default={}, description="generic templates to write: id and text")

    @property
    def from_images(self) -> bool:
        """Whether the data is to be written from the nodes' images."""
        return self.data is None and self.url is None and not self.profiles

    def faults(self) -> Iterator[Fault]:
        """What contradicts itself: two origins of the data, an id used twice, a reference to nothing."""
        written = [key for key in ("groups", "profiles", "generic") if getattr(self, key)]
        if self.url is not None and (self.data is not None or self.assets is not None or written):
            message = "a Matchbox that runs already has data of its own: url stands alone"
            yield Fault(("url",), message, "delete url, or all other keys")
        elif self.data is not None and written:
            message = f"data is served unchanged, so {written[0]} cannot be added to it"
            yield Fault((written[0],), message, "delete data, or write the files into its directory")
        yield from _repeated("groups", [group.id for group in self.groups])
        yield from _repeated("profiles", [profile.id for profile in self.profiles])
        profiles = [profile.id for profile in self.profiles]
        for index, group in enumerate(self.groups):
            if group.profile not in profiles:
                hint = did_you_mean(group.profile, profiles, what="profiles here")
                yield Fault(("groups", index, "profile"), f"there is no profile {group.profile!r} here", hint)
        for index, profile in enumerate(self.profiles):
            if profile.generic_id is not None and profile.generic_id not in self.generic:
                hint = did_you_mean(profile.generic_id, self.generic, what="generic templates here")
                place = ("profiles", index, "generic_id")
                yield Fault(place, f"there is no generic template {profile.generic_id!r} here", hint)


def _repeated(section: str, ids: Sequence[str]) -> Iterator[Fault]:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Fault((section, index, "id"), f"the id {name!r} is here twice", "an id names one file of Matchbox")
