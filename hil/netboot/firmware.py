"""How a machine's firmware dies on a network that is the bench's own: what it says of that is laid to the bench."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hil.console.deaths import DEFAULT_DEATHS, Death, without
from hil.console.transcript import printable

_NETWORK: Final = ("EDK2 PXE error",)

HTTP_BOOT: Final = Death(
    name="EDK2 HTTP boot error",
    pattern=rb">>Start HTTP Boot over IPv4(?:(?!>>Start)[\x00-\xff]){0,4000}?"
    rb"(?P<at>Error: )(?P<words>[^\r\n]{1,120})[\r\n]",
    explain=lambda match, line: f"the firmware's HTTP boot failed: {printable(match['words'])}",
    hint="read nbp.log in the bench's folder: whether the machine asked for iPXE; and dnsmasq.log: where it was sent",
    final="For this network port over IPv4: EDK2 (NetworkPkg/HttpBootDxe) prints it once, and goes on with its next"
    " boot entry, IPv6, which this network does not have.",
    fault="bench",
)
"""UEFI HTTP boot has ended without a file."""


def laid_to_the_bench(hint: str) -> tuple[Death, ...]:
    """What ends a wait anywhere, with the firmware's errors of PXE first and laid to the bench.

    Args:
        hint: what to do about those.
    """
    firmware = tuple(replace(death, fault="bench", hint=hint) for death in DEFAULT_DEATHS if death.name in _NETWORK)
    return (*firmware, *without(DEFAULT_DEATHS, *_NETWORK))
