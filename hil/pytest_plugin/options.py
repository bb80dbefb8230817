"""Command line and ini options of the plugin, and what they come to. Loads no rig."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pytest

from hil.netboot.capture.choice import CHOICES, DEFAULT, HELP, Capture

DEFAULT_RIG = "virt"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; their names are the same as those of the `hil` command where both have them."""
    group = parser.getgroup("hil", "hil: tests on machines that boot over the network")
    group.addoption(
        "--rig",
        dest="hil_rig",
        metavar="NAME|FILE",
        help=f"the bench: a rig file, or a rig that ships with hil (ini: hil_rig; otherwise {DEFAULT_RIG!r})",
    )
    group.addoption("--image", dest="hil_image", metavar="NAME", help="another image of the rig, for every node")
    group.addoption(
        "--hil-artifacts",
        dest="hil_artifacts",
        metavar="DIR",
        default="hil-artifacts",
        help="where the record of each boot goes (default: %(default)s)",
    )
    group.addoption("--hil-capture", dest="hil_capture", choices=CHOICES, default=DEFAULT, help=HELP)
    group.addoption(
        "--hil-keep",
        dest="hil_keep",
        action="store_true",
        help="leave the bench and its machines running at the end, and say how to reach and end them",
    )
    group.addoption(
        "--hil-wait",
        dest="hil_wait",
        metavar="DURATION",
        nargs="?",
        const=math.inf,
        default=0.0,
        type=_seconds,
        help="wait for things (a serial line, a relay) that another bench or worker holds; for ever, or for 2min",
    )
    parser.addini(
        "hil_rig", "the bench: a rig file (from the ini file's folder), or a rig that ships with hil", default=""
    )


def _seconds(text: str) -> float:
    """The seconds of a time, for argparse."""
    from hil.config.units import BadQuantity, parse_seconds

    try:
        return parse_seconds(text)
    except BadQuantity as error:
        hint = "without a time --hil-wait stands last, or before another option"
        raise argparse.ArgumentTypeError(f"{error}; {error.hint}; {hint}") from error


def wait(config: pytest.Config) -> float:
    """How many seconds to wait for what another one holds."""
    seconds: float = config.getoption("hil_wait")
    return seconds


def rig_source(config: pytest.Config) -> tuple[str, Path]:
    """The rig's name or file, and the folder from which a relative path counts.

    The command line's counts from where pytest was started, the ini file's from the ini file.
    """
    invoked = Path(config.invocation_params.dir)
    asked: str | None = config.getoption("hil_rig")
    if asked:
        return asked, invoked
    written = str(config.getini("hil_rig"))
    if written:
        return written, config.rootpath if config.inipath is None else config.inipath.parent
    return DEFAULT_RIG, invoked


def image_name(config: pytest.Config) -> str | None:
    """The image of `--image`, or None."""
    name: str | None = config.getoption("hil_image")
    return name


def artifacts(config: pytest.Config) -> Path:
    """The folder of `--hil-artifacts`; a relative one counts from where pytest was started."""
    return Path(config.invocation_params.dir, str(config.getoption("hil_artifacts")))


def capture(config: pytest.Config) -> Capture:
    """What is kept of the machines' packets."""
    chosen: Capture = config.getoption("hil_capture")
    return chosen


def keep(config: pytest.Config) -> bool:
    """Whether the bench outlives the session."""
    return bool(config.getoption("hil_keep"))
