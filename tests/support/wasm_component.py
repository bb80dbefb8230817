"""Reads which interfaces a WebAssembly component imports and exports; of the rest it reads nothing.

Format: WebAssembly, component-model, design/mvp/Binary.md: a preamble, then sections, each an id and a length.
"""

from __future__ import annotations

import re

PREAMBLE = b"\0asm\x0d\0\x01\0"
_IMPORT, _EXPORT = 10, 11
_INTERFACE = re.compile(rb"[a-z-]+:[a-z-]+/[a-z-]+@[0-9.]+[0-9]")


def interfaces(component: bytes) -> tuple[set[str], set[str]]:
    """The names of the interfaces that it imports, and of those that it exports."""
    assert component.startswith(PREAMBLE), "this is no component"
    found: dict[int, set[str]] = {_IMPORT: set(), _EXPORT: set()}
    at = len(PREAMBLE)
    while at < len(component):
        section = component[at]
        size, at = _leb128(component, at + 1)
        if section in found:
            found[section] |= {name.decode() for name in _INTERFACE.findall(component[at : at + size])}
        at += size
    return found[_IMPORT], found[_EXPORT]


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
