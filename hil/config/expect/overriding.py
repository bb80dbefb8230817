"""Expectations of which a test or a command line changes a few keys. Reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from pydantic import ValidationError

from hil.config.model import Model
from hil.config.suggest import did_you_mean
from hil.errors import UsageError


class Section(Model):
    """The keys of one section of `expect:`.

    `SECTION` is the section's name, and `WHOSE` is what a person calls that of which it is expected.
    """

    SECTION: ClassVar[str]
    WHOSE: ClassVar[str]


S = TypeVar("S", bound=Section)


def overridden(expect: S, changes: Mapping[str, object]) -> S:
    """The expectations with some of their keys changed, as a test or a command line says them.

    Args:
        expect: what holds otherwise.
        changes: keys of the section, each with its value; a list is as good as a tuple.

    Raises:
        UsageError: there is no such key, or a value cannot be.
    """
    if not changes:
        return expect
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()}
    known = type(expect).model_fields
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known, what=f"keys of expect: {{{expect.SECTION}: ...}}")
            raise UsageError(f"nothing called {key!r} can be expected of {expect.WHOSE}", hint=hint)
    try:
        changed = type(expect).model_validate({**expect.model_dump(), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        hint = str(first.get("ctx", {}).get("hint", "")) or "`hil rig check` explains the same keys in a rig file"
        raise UsageError(
            f"what is expected of {expect.WHOSE} cannot be: {place}: {first['msg']}", hint=hint
        ) from error
    for fault in changed.faults():
        place = ".".join(str(part) for part in fault.at)
        raise UsageError(f"what is expected of {expect.WHOSE} cannot be: {place}: {fault.message}", hint=fault.hint)
    return changed
