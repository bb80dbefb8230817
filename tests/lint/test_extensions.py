"""Names of extension services that none has."""

from __future__ import annotations

import pytest

from hil.lint import extensions
from hil.lint.documents import read
from hil.lint.finding import Finding, Severity
from hil.shipped import shipped


def found(name: str) -> list[Finding]:
    text = f"kind: ExtensionServiceConfig\nname: {name}\n"
    return list(extensions.check(read("node.yaml", text.encode()).documents))


@pytest.mark.parametrize("name", sorted(extensions.KNOWN | extensions.SIMULATED))
def test_a_known_name(name: str) -> None:
    assert len(name) > 2
    assert found(name) == []


@pytest.mark.parametrize(
    ("name", "severity", "hint"),
    [
        ("tailscal", Severity.NOTE, "did you mean 'tailscale'?"),
        ("my-own", Severity.NOTE, "an extension of your own is right as it is"),
        ("ext-tailscale", Severity.WARNING, "write tailscale"),
    ],
)
def test_an_unknown_name(name: str, severity: Severity, hint: str) -> None:
    (one,) = found(name)
    assert (one.severity, one.hint, one.words, one.place.line) == (severity, hint, name, 2)


def test_other_documents_have_names_of_their_own() -> None:
    assert list(extensions.check(read("node.yaml", b"kind: LinkConfig\nname: eth0\n").documents)) == []
    assert list(extensions.check(read("node.yaml", b"kind: ExtensionServiceConfig\n").documents)) == []


def test_the_simulated_node_s_extensions_are_known() -> None:
    folders = {folder.name for folder in (shipped("fixtures") / "node" / "extensions").iterdir() if folder.is_dir()}
    assert folders - extensions.KNOWN == extensions.SIMULATED
