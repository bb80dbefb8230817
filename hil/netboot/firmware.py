"""How a machine's firmware dies on a network that is the bench's own: what it says of DHCP and TFTP is the bench's."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hil.console.deaths import DEFAULT_DEATHS, Death, without

_NETWORK: Final = ("EDK2 PXE error",)


def laid_to_the_bench(hint: str) -> tuple[Death, ...]:
    """What ends a wait anywhere, with the firmware's network errors first and laid to the bench.

    Args:
        hint: what to do about those.
    """
    firmware = tuple(replace(death, fault="bench", hint=hint) for death in DEFAULT_DEATHS if death.name in _NETWORK)
    return (*firmware, *without(DEFAULT_DEATHS, *_NETWORK))
