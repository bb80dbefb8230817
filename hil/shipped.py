"""Where the files that come with hil are: in a checkout beside the package, in a wheel inside it.

Only finds them; what they mean is for those who read them.
"""

from __future__ import annotations

from pathlib import Path

from hil.errors import HilBug


def shipped(name: str) -> Path:
    """The folder of shipped files called `name` ("rigs" or "fixtures").

    Raises:
        HilBug: the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise HilBug(f"this installation of hil lacks its folder {name!r}", hint="install hil again")
