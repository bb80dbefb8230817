"""What `hil boot` says and leaves behind when a boot fails: its exit code, its error, its record. Asserts nothing."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.rigs import PROBE_RIG, Ran

LABELS = ("node error", "bench error", "usage error", "configuration error", "bug in hil", "error")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failed `hil boot`.

    Args:
        code: its exit code.
        message: the error's first lines, label included, without evidence and hint.
        evidence: what follows the bars.
        hint: what to do.
        folder: the boot's, or None when none was begun.
    """

    code: int
    message: str
    evidence: tuple[str, ...]
    hint: str
    folder: Path | None

    @property
    def record(self) -> dict[str, object]:
        """The boot's boot.json."""
        assert self.folder is not None
        found: dict[str, object] = json.loads((self.folder / "boot.json").read_text())
        return found

    @property
    def error(self) -> tuple[object, str]:
        """Verdict and error message of the record."""
        error = self.record["error"]
        assert isinstance(error, dict)
        return self.record["verdict"], str(error["message"])

    @property
    def console(self) -> bytes:
        """What was recorded of the console."""
        assert self.folder is not None
        return (self.folder / "console.log").read_bytes()


def trouble(ran: Ran, cwd: Path) -> Trouble:
    """Take apart what a `hil boot` in `cwd` printed; AssertionError when it printed no error."""
    began = re.search(rf"^(?:{'|'.join(LABELS)}): ", ran.err, re.MULTILINE)
    assert began is not None, f"exit code {ran.code}, no error:\n{ran.out}\n{ran.err}"
    lines = ran.err[began.start() :].splitlines()
    said = [line for line in lines if not line.startswith("  ")]
    hint = next(line for line in lines if line.startswith("  what to do: "))
    evidence = tuple(line.removeprefix("  | ") for line in lines if line.startswith("  | "))
    record = re.search(r"^record: (.+)$", ran.out, re.MULTILINE)
    folder = None if record is None else cwd / record[1]
    return Trouble(ran.code, "\n".join(said), evidence, hint.removeprefix("  what to do: "), folder)


def probe_rig(args: Sequence[str]) -> dict[str, object]:
    """A rig whose one node boots the probe with these kernel arguments."""
    return {**PROBE_RIG, "images": {"probe": {"kind": "probe", "args": list(args)}}}


def tree_rig(data: str = "tree", **more: object) -> dict[str, object]:
    """A rig whose Matchbox serves a tree of the user's own; ready when the probe says so."""
    node = {"kind": "qemu", "memory": "512MiB", "boot_within": "240s", "ready": {"console": "hil-probe: ready"}}
    return {"hil": 1, "matchbox": {"data": data}, "nodes": {"node1": {**node, **more}}}


def profile(*args: str, kernel: str = "/assets/kernel") -> Mapping[str, object]:
    """A profile that boots the probe's files with these arguments."""
    return {"boot": {"kernel": kernel, "initrd": ["/assets/initramfs.cpio"], "args": list(args)}}


def x86_kernel() -> bytes:
    """The head of a kernel for x86: a PE file for machine 0x8664 with Linux's boot header (x86/boot.rst)."""
    image = bytearray(4096)
    image[0:2] = b"MZ"
    struct.pack_into("<I", image, 0x3C, 0x80)
    image[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HH12xH", image, 0x84, 0x8664, 0, 240)
    struct.pack_into("<H", image, 0x98, 0x20B)
    image[0x202:0x206] = b"HdrS"
    return bytes(image)


def processes(marker: str, name: str) -> list[int]:
    """The processes whose environment holds a marker and whose command line a name, lowest number first."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ, command = (entry / "environ").read_bytes(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in environ and name.encode() in command:
            found.append(int(entry.name))
    return sorted(found)
