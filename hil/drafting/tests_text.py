"""A draft as a test file: one test for each role that the tree has. Decides nothing."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hil.config.source import printable
from hil.drafting.draft import Draft
from hil.drafting.roles import Becomes

_NAMES: Final = {
    Becomes.TALOS: "becomes_a_talos_node",
    Becomes.MAINTENANCE: "waits_in_maintenance_mode",
    Becomes.TALOS_UNASKED: "becomes_a_talos_node",
    Becomes.LOGIN: "becomes_ready",
}
_TALOS: Final = ("assert {node}.talos.ready()  # a Readiness: truthy, and its repr is the table of conditions",)
_BOOTED: Final = ('assert {node}.ensure().verdict.value == "ready"',)
_SPIN: Final = ("assert {node}.spin.ready()",)
_TAILSCALE: Final = ("assert {node}.tailscale.online(within=60)",)
_SKIP: Final = (
    '@pytest.mark.skip(reason="its own control server is out of the bench\'s reach: docs/tailscale.md of hil")'
)


@dataclass(frozen=True, slots=True)
class _Part:
    """The nodes that are tested alike.

    Args:
        profile: what they boot.
        becomes: what the end of their boot is judged by.
        spin: whether they serve WebAssembly.
        joins: whether they join a tailnet.
    """

    profile: str
    becomes: Becomes
    spin: bool
    joins: bool


def tests_text(draft: Draft, *, rig: str, tests: str) -> str:
    """The text of the file.

    Args:
        draft: what was decided.
        rig: the rig file, from the folder in which pytest is run.
        tests: the test file, from there.
    """
    parts: dict[_Part, list[str]] = {}
    for node in draft.nodes:
        role, becomes = draft.roles[node.name], draft.becomes(node.name)
        asked = becomes is Becomes.TALOS
        part = _Part(role.profile.id, becomes, asked and role.spin is not None, asked and role.joins)
        parts.setdefault(part, []).append(node.name)
    functions = list(_functions(parts, alone=len(draft.nodes) == 1))
    needs_pytest = any("@pytest" in line for function in functions for line in function)
    head = [
        f'"""What the machines of {printable(rig)} are to become: `pytest --rig {printable(rig)} {printable(tests)}`.',
        "",
        "Drafted by `hil init` from a Matchbox tree, a test for each role that it has; it is yours to change.",
        '"""',
        *(["", "import pytest"] if needs_pytest else []),
    ]
    return "\n".join([*head, *(line for function in functions for line in ("", "", *function))]) + "\n"


def _functions(parts: Mapping[_Part, list[str]], *, alone: bool) -> Iterator[list[str]]:
    taken: set[str] = set()
    for part, nodes in parts.items():
        word = _word(part.profile)
        ends = _TALOS if part.becomes in (Becomes.TALOS, Becomes.MAINTENANCE) else _BOOTED
        yield _function(_free(f"test_{word}_{_NAMES[part.becomes]}", taken), nodes, ends, alone=alone)
        if part.spin:
            yield _function(_free(f"test_{word}_serves_webassembly", taken), nodes, _SPIN, alone=alone)
        if part.joins:
            name = _free(f"test_{word}_is_in_its_tailnet", taken)
            yield [_SKIP, *_function(name, nodes, _TAILSCALE, alone=alone)]


def _function(name: str, nodes: list[str], body: tuple[str, ...], *, alone: bool) -> list[str]:
    if len(nodes) == 1:
        marker = [] if alone else [f'@pytest.mark.hil(node="{nodes[0]}")']
        return [*marker, f"def {name}(node):", *(f"    {line.format(node='node')}" for line in body)]
    listed = ", ".join(f'"{node}"' for node in nodes)
    marker = [f'@pytest.mark.parametrize("name", [{listed}])']
    return [*marker, f"def {name}(nodes, name):", *(f"    {line.format(node='nodes[name]')}" for line in body)]


def _word(ident: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", ident.lower()).strip("_") or "machine"
    return f"{word}_" if keyword.iskeyword(word) else word


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found
