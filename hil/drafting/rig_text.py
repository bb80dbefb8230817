"""A draft as a rig file, with where each value is from beside it. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from hil.config.reader import SELECTORS
from hil.config.source import printable
from hil.config.tree import plain_value
from hil.drafting.draft import Draft
from hil.drafting.nodes import DraftNode
from hil.drafting.roles import Becomes, Role

_PLAIN: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9./_:-]*[A-Za-z0-9./_]|[A-Za-z0-9]")
_COMMENT_AT: Final = 40
_SAID_BY_TALOS: Final = "machine is running and ready"  # Talos v1.13.9, controllers/runtime/machine_status.go
_INDENT: Final = "    "


def rig_text(draft: Draft) -> str:
    """The text of the file."""
    return "\n".join([*_head(draft), "", *_segment(draft), "", *_matchbox(draft), "", *_nodes(draft)]) + "\n"


def scalar(text: str) -> str:
    """Text as YAML has it, in quotes where it would mean something else without them."""
    plain = _PLAIN.fullmatch(text) and plain_value(text) == text and ": " not in text
    return text if plain else json.dumps(printable(text), ensure_ascii=False)


def _head(draft: Draft) -> Iterator[str]:
    tree = printable(draft.data)
    yield f"# Drafted by `hil init` from the Matchbox tree in {tree}; beside each value is where it is from."
    yield "# It is yours to change: `hil rig check` says what is wrong in it, rigs/README.md of hil what a key means."
    yield "hil: 1"


def _segment(draft: Draft) -> Iterator[str]:
    address = draft.address
    yield "segment:"
    yield _line("  kind: user", "QEMU's own network, which needs no rights and reaches nothing but the bench")
    if address.bench is None or address.subnet is None:
        yield "  # The tree names no address of its Matchbox, so the bench has hil's own: 10.0.2.100:8080."
        return
    yield _line(f"  subnet: {address.subnet}", "around the address of the bench")
    yield _line(f"  bench: {address.bench}", address.why)


def _matchbox(draft: Draft) -> Iterator[str]:
    yield "matchbox:"
    yield _line(f"  data: {scalar(draft.data)}", "served by a real Matchbox, unchanged")
    if not draft.missing:
        return
    yield "  # These are not in the tree. Write url and sha256 (by `sha256sum FILE`), or path, and uncomment them."
    yield "  # assets:"
    yield "  #   files:"
    for asset in draft.missing:
        yield f"  #     {scalar(asset.path)}:  # {', '.join(draft.shown(spot) for spot in asset.spots)}"
        yield "  #       url:"
        yield "  #       sha256:"


def _nodes(draft: Draft) -> Iterator[str]:
    yield "nodes:"
    for node in draft.nodes:
        yield from _node(draft, node, draft.roles[node.name])


def _node(draft: Draft, node: DraftNode, role: Role) -> Iterator[str]:
    yield _line(
        f"  {scalar(node.name)}:", f"{draft.shown(node.spot)}, {draft.shown(draft.users.key(role.profile.file))}"
    )
    yield f"{_INDENT}kind: qemu"
    for key in SELECTORS:
        if key in node.selectors:
            yield _line(f"{_INDENT}{key}: {scalar(node.selectors[key])}", draft.shown(node.spots[key]))
    if not node.selectors:
        yield f"{_INDENT}# Its group takes any machine: MAC address, UUID and serial are hil's own, always the same."
    if role.talos is not None:
        yield _line(f"{_INDENT}memory: 2GiB", "what Talos asks of a control plane")
    if role.disks and role.disk is not None:
        disks = role.disks[0] if len(role.disks) == 1 else f"[{', '.join(role.disks)}]"
        yield _line(f"{_INDENT}disks: {disks}", f"{draft.shown(role.disk.spot)} installs to {role.disk.value}")
    yield _line(f"{_INDENT}boot_within: 10min", "from power-on to ready; ARM64 is slow where it is emulated")
    yield from _end(draft, role, draft.becomes(node.name))


def _end(draft: Draft, role: Role, becomes: Becomes) -> Iterator[str]:
    """When the node's boot is at its end, and what must hold then."""
    if becomes is Becomes.LOGIN:
        yield _line(
            f'{_INDENT}ready: {{console: "login: "}}', "a regular expression; the tree does not say what is booted"
        )
    elif becomes is Becomes.MAINTENANCE:
        yield _line(
            f"{_INDENT}expect: {{talos: {{stage: maintenance}}}}", "no profile of it names a machine configuration"
        )
    elif becomes is Becomes.TALOS:
        yield from _indented(_expected(draft, role), _INDENT)
        yield f"{_INDENT}talos: {{talosconfig: {scalar(draft.talosconfig or '')}}}"
    else:
        yield _line(f"{_INDENT}ready: {{console: {_SAID_BY_TALOS}}}", "with a talosconfig, this instead:")
        yield from _indented((*_expected(draft, role), "talos: {talosconfig: FILE}"), f"{_INDENT}# ")


def _expected(draft: Draft, role: Role) -> Iterator[str]:
    keys = [
        *([_line(f"    version: {role.version.value}", draft.shown(role.version.spot))] if role.version else []),
        *(
            [_line(f"    hostname: {scalar(role.hostname.value)}", draft.shown(role.hostname.spot))]
            if role.hostname
            else []
        ),
    ]
    if role.services:
        names = ", ".join(scalar(name) for name in dict.fromkeys(service.value for service in role.services))
        keys.append(_line(f"    services: [{names}]", draft.shown(role.services[0].spot)))
    yield "expect:"
    yield from ["  talos:", *keys] if keys else ["  talos: {}"]
    if role.spin is not None:
        yield _line("  spin: {}", f"{draft.shown(role.spin.spot)} has {role.spin.value}")
    if role.joins:
        yield "  # tailscale: {}  # its own control server is out of the bench's reach: docs/tailscale.md of hil"


def _indented(lines: Iterable[str], before: str) -> Iterator[str]:
    for line in lines:
        yield before + line


def _line(text: str, comment: str) -> str:
    return (
        f"{text:<{_COMMENT_AT}}# {printable(comment)}"
        if len(text) < _COMMENT_AT
        else f"{text}  # {printable(comment)}"
    )
