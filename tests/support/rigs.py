"""Rig files and Matchbox trees that a test writes, and `hil` run as its user runs it: a process of its own.

What a command prints is collected while it runs, so that a test can act at a stage of a boot. Asserts nothing.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from support.boards import as_asked

from hil.clock import Deadline
from hil.images.image import Image

HIL = [sys.executable, "-c", "import sys; sys.argv[0] = 'hil'; from hil.start import main; main()"]
"""The command, without relying on where its script was installed."""

PROBE_RIG: Mapping[str, object] = {
    "hil": 1,
    "images": {"probe": {"kind": "probe"}},
    "nodes": {"node1": {"kind": "qemu", "image": "probe", "memory": "512MiB", "boot_within": "240s"}},
}
"""One QEMU guest that boots the probe; generous with time, for a host that is busy."""


def write_rig(folder: Path, rig: Mapping[str, object], name: str = "rig.yaml") -> Path:
    """Write a rig file (JSON is YAML), within `support.boards.on_machines` of those; returns its path."""
    path = folder / name
    path.write_text(json.dumps(as_asked(rig), indent=1))
    return path


def write_tree(
    data: Path,
    *,
    groups: Mapping[str, Mapping[str, object]],
    profiles: Mapping[str, Mapping[str, object]],
    assets: Mapping[str, Path] | None = None,
) -> Path:
    """Write a Matchbox data directory, as its owner would by hand.

    Args:
        data: made.
        groups: by id; the rest of each group's JSON.
        profiles: by id; the rest of each profile's JSON.
        assets: what is behind /assets/, by name, as links.
    """
    for section, entries in (("groups", groups), ("profiles", profiles)):
        (data / section).mkdir(parents=True)
        for ident, entry in entries.items():
            (data / section / f"{ident}.json").write_text(json.dumps({"id": ident, **entry}, indent=2) + "\n")
    (data / "assets").mkdir()
    for name, target in (assets or {}).items():
        (data / "assets" / name).symlink_to(target)
    return data


def assets_of(image: Image) -> dict[str, Path]:
    """An image's files by name, for `write_tree`."""
    return {asset.name: asset.path for asset in image.assets}


@dataclass
class Hil:
    """One `hil` process with what it has printed; the end of its `with` block kills it.

    Args:
        arguments: of the command.
        cwd: where it runs.
        env: added to this process's environment.
        program: what is run with these arguments.
    """

    arguments: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    program: Sequence[str] = tuple(HIL)

    def __enter__(self) -> Self:
        self._lines: list[str] = []
        self._grown = threading.Condition()
        self.process = subprocess.Popen(
            [*self.program, *self.arguments],
            cwd=self.cwd,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._stdout: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True)
            for stream, kept in ((self.process.stdout, self._stdout), (self.process.stderr, self._lines))
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            # Its keeper notices the end of its owner and ends all that it holds.
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    @property
    def stdout(self) -> str:
        """Standard output so far."""
        return "".join(self._stdout)

    @property
    def stderr(self) -> str:
        """Standard error so far."""
        return "".join(self._lines)

    def wait_for(self, pattern: str, *, within: float) -> str:
        """Wait until a line of standard error holds a pattern; returns that line.

        Raises:
            AssertionError: it ended, or the time is over, without it.
        """
        return self._wait(
            lambda: next((line for line in self._lines if re.search(pattern, line)), None), pattern, within
        )

    def wait_for_output(self, pattern: str, *, within: float) -> str:
        """Wait until standard output holds a pattern; returns what matched.

        Raises:
            AssertionError: it ended, or the time is over, without it.
        """

        def look() -> str | None:
            found = re.search(pattern, self.stdout)
            return None if found is None else found[0]

        return self._wait(look, pattern, within)

    def _wait(self, look: Callable[[], str | None], pattern: str, within: float) -> str:
        deadline = Deadline.after(within)
        with self._grown:
            while (found := look()) is None:
                # Its last lines may still be on their way to us when it has ended.
                ended = self.process.poll() is not None and not any(thread.is_alive() for thread in self._threads)
                if ended or deadline.expired:
                    why = "ended" if ended else f"went on for {within:g} s"
                    raise AssertionError(f"hil {why} without {pattern!r}:\n{self.stdout}\n{self.stderr}")
                self._grown.wait(min(1.0, deadline.remaining() or 1.0))
            return found

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def finish(self, *, within: float) -> int:
        """Wait for its end; returns its exit code.

        Raises:
            AssertionError: it still runs.
        """
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"hil still runs after {within:g} s:\n{self.stdout}\n{self.stderr}") from error
        for thread in self._threads:
            thread.join(within)
        return self.process.returncode

    def _read(self, stream: object, kept: list[str]) -> None:
        for line in stream:  # type: ignore[attr-defined]
            with self._grown:
                kept.append(line)
                self._grown.notify_all()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command that has ended did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        """Its standard output as the one JSON document that it is."""
        found: dict[str, object] = json.loads(self.out)
        return found


def run_hil(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None, within: float = 300.0) -> Ran:
    """Run `hil` to its end."""
    with Hil(arguments, cwd, env or {}) as hil:
        code = hil.finish(within=within)
        return Ran(code, hil.stdout, hil.stderr)
