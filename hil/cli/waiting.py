"""The option `--wait [DURATION]`: how long to wait for what another bench holds. Waits for nothing itself."""

from __future__ import annotations

import math

import click

from hil.config.units import BadQuantity, parse_seconds


def _seconds(context: click.Context, option: click.Parameter, text: str | None) -> float:
    """The seconds of a time, written as in a rig file; none without the option, and no end without a time."""
    if text is None:
        return 0.0
    if not text:
        return math.inf
    try:
        return parse_seconds(text)
    except BadQuantity as error:
        hint = "Without a time --wait stands last, or before another option."
        raise click.BadParameter(f"{error}; {error.hint}. {hint}", context, option) from error


waiting = click.option(
    "--wait",
    is_flag=False,
    flag_value="",
    callback=_seconds,
    metavar="[DURATION]",
    help="Wait for things (a serial line, a relay) that another bench holds; for ever, or as long as 2min.",
)
