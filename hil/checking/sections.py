"""What is expected of a node beyond Talos, from a command line, a file, or what a bench has written down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.config.expect import (
    CozystackExpect,
    Expect,
    KubernetesExpect,
    SpinExpect,
    TailscaleExpect,
    TalosExpect,
    overridden,
)
from hil.config.expect.overriding import Section
from hil.config.explain import validate
from hil.config.model import FileContext
from hil.config.source import Findings, Source
from hil.config.suggest import did_you_mean
from hil.config.yamlpos import MAX_BYTES, compose, decode
from hil.errors import ConfigError, UsageError

_DEFAULTS: Final[Mapping[str, Section]] = {
    section.SECTION: section()
    for section in (TalosExpect, TailscaleExpect, SpinExpect, KubernetesExpect, CozystackExpect)
}
_EXAMPLE: Final = "write it like `talos: {version: v1.13.9}`"


def whole(sections: Mapping[str, Mapping[str, object]]) -> Expect:
    """All that must hold.

    Args:
        sections: the keys of each section that is expected, by its name; no keys for its defaults.

    Raises:
        UsageError: there is no such section or key, or a value cannot be.
    """
    for name in sections:
        if name not in _DEFAULTS:
            raise UsageError(
                f"nothing called {name!r} can be expected of a node",
                hint=did_you_mean(name, _DEFAULTS, what="sections of expect:"),
            )
    return Expect.model_validate({name: overridden(_DEFAULTS[name], keys) for name, keys in sections.items()})


def read_expect(file: Path) -> dict[str, dict[str, object]]:
    """The sections of a file: what stands under a rig's `expect:`, as a file of its own.

    Args:
        file: YAML.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: it is wrong; all that is wrong, with its place.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint="name a file with the keys of `expect:`") from error
    try:
        return _parse(decode(str(file), data), file).sections(as_said=True)
    except ConfigError as error:
        # What reads YAML knows rig files alone, and says of any file how a rig begins.
        mended = [replace(each, hint=_EXAMPLE) if "hil: 1" in each.hint else each for each in error.problems]
        raise ConfigError(mended, hint="mend the file: its keys are those of a rig's `expect:`") from error


def _parse(source: Source, file: Path) -> Expect:
    findings = Findings(source)
    tree = compose(source, findings, os.environ)
    findings.settle()
    expect = validate(Expect, tree, tree.place, findings, FileContext(file.absolute().parent))
    if findings or expect is None:
        raise findings.error()
    return expect
