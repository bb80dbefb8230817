"""A private place for each test that boots a machine: its runtime folders, which are seen to be empty at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.boards import on_machines
from support.private_nets import needs_taps

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.images import probe
from hil.images.image import Image
from hil.tools import host, packages, programs
from hil.tools.cache import Cache


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of our own for runtime folders; short, for unix sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture(params=["guest", pytest.param("cm4", marks=needs_taps)])
def each_machine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs twice: on a QEMU guest, and on a module of the bench twin, with the same words in its rig file."""
    with on_machines(request.param):
        yield request.param


@pytest.fixture(scope="session")
def probe_image() -> Image:
    """The probe, for trees that a test writes itself."""
    config = probe.Config(kind="probe")
    return probe.create(config, name="probe", cache=Cache(), deadline=Deadline.after(60))


@pytest.fixture(scope="session")
def installer() -> programs.DebianInstaller:
    """The kernel and initrd of Debian's installer, fetched by the host's own apt where they are not in the cache."""
    try:
        packages.debian_installer(host.distribution())
    except InfrastructureError as error:
        pytest.skip(f"no Debian suite: {error.message}")
    return programs.debian_installer(ensure=True)
