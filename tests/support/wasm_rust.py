"""A Rust that compiles to WebAssembly: Debian 13's compiler, unpacked and never installed, with this host's cargo.

rustup's standard library for wasm32 comes from no package registry, Debian's does. It fits Debian's own compiler
alone, which needs a newer C library than Debian 12 has and so is started by the loader that came with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.tools import host, packages
from hil.tools.apt import PrivateApt
from hil.tools.cache import Cache
from hil.tools.packages import Recipe
from hil.tools.progress import quiet

TARGET = "wasm32-wasip2"
_PACKAGES = (
    *("rustc", "libstd-rust-1.85", "libstd-rust-dev", "libstd-rust-dev-wasm32", "libllvm19", "libc6", "libgcc-s1"),
    *("libstdc++6", "zlib1g", "libzstd1", "libedit2", "libxml2", "libz3-4", "libtinfo6", "libicu76", "liblzma5"),
    *("libbsd0", "libmd0", "libffi8"),
)
_COMPILER = """#!/bin/sh
exec {loader} --argv0 rustc --library-path {libraries}:{root}/usr/lib:{root}/usr/lib/llvm-19/lib \\
    {root}/usr/bin/rustc --sysroot {root}/usr "$@"
"""


def lacking() -> str:
    """Why no component can be built on this machine, or ""."""
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        return "there is no cargo with its rustc, of rustup"
    for program in ("cargo", "rustc"):
        asked = subprocess.run([program, "-V"], capture_output=True, text=True, check=False, timeout=60)
        if asked.returncode:  # rustup's, for a user for whom it has installed no Rust
            return f"{program} does not run: {(asked.stderr.splitlines() or ['it says nothing'])[0]}"
    if not (_host_tools() / "wasm-component-ld").exists():
        return "this Rust has no wasm-component-ld: it is not rustup's, or older than 1.82"
    if host.distribution().family != "debian":
        return "Rust for wasm32 comes from Debian's packages, and this host's archive is not Debian's"
    return ""


@dataclass(frozen=True, slots=True)
class Rust:
    """A compiler for the target.

    Args:
        compiler: rustc.
    """

    compiler: Path

    def build(self, crate: Path, target: Path, deadline: Deadline) -> Path:
        """Build a crate's component.

        Args:
            crate: its folder; cargo writes a lock file there.
            target: where cargo puts what it makes.
            deadline: of the build.
        """
        tools = _host_tools()
        environment = {
            **os.environ,
            "RUSTC": str(self.compiler),
            "CARGO_TARGET_WASM32_WASIP2_LINKER": str(tools / "wasm-component-ld"),
            "CARGO_TARGET_DIR": str(target),
            "PATH": f"{tools / 'gcc-ld'}:{tools}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["cargo", "build", "--release", "--target", TARGET],
            cwd=crate,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=deadline.remaining(),
        )
        assert done.returncode == 0, done.stderr
        (component,) = (target / TARGET / "release").glob("*.wasm")
        return component


def obtain(folder: Path, deadline: Deadline) -> Rust:
    """Fetch the compiler (204 MB; 793 MB unpacked).

    Args:
        folder: where all of it goes.
        deadline: of the fetching.
    """
    recipe = Recipe("rust-wasm32", "trixie", "native", _names, _loader)
    root = packages.obtain(recipe, Cache(folder / "cache"), progress=quiet, deadline=deadline)
    (loader,) = (root / path for path in _loader(packages.listing(root)))
    compiler = folder / "rustc"
    compiler.write_text(_COMPILER.format(loader=loader, libraries=loader.parent, root=root), encoding="utf-8")
    compiler.chmod(0o755)
    return Rust(compiler)


def _names(apt: PrivateApt, deadline: Deadline) -> list[str]:
    return list(_PACKAGES)


def _loader(paths: Iterable[str]) -> list[str]:
    found = [path for path in paths if path.startswith("usr/lib/") and "-linux-gnu/ld-linux-" in path]
    if not found:
        raise LookupError("no loader in usr/lib/*-linux-gnu")
    return found


def _host_tools() -> Path:
    """Where rustup's Rust keeps its linkers (rustc, `--print sysroot`)."""
    said = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True, timeout=60).stdout
    triple = next(line.partition(": ")[2] for line in said.splitlines() if line.startswith("host: "))
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True, timeout=60)
    return Path(root.stdout.strip()) / "lib/rustlib" / triple / "bin"
