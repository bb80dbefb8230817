"""What is expected of a node beyond Talos, from a command line, a file, or what a bench has written down."""

from __future__ import annotations

from collections.abc import Mapping
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
from hil.config.source import Findings
from hil.config.suggest import did_you_mean
from hil.config.yamlpos import MAX_BYTES, compose, decode
from hil.errors import UsageError

_DEFAULTS: Final[Mapping[str, Section]] = {
    section.SECTION: section()
    for section in (TalosExpect, TailscaleExpect, SpinExpect, KubernetesExpect, CozystackExpect)
}


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
    source = decode(str(file), data)
    findings = Findings(source)
    tree = compose(source, findings, {})
    findings.settle()
    expect = validate(Expect, tree, tree.place, findings, FileContext(file.absolute().parent))
    if findings or expect is None:
        raise findings.error()
    return dict(expect.model_dump(mode="json", exclude_none=True, exclude_unset=True))
