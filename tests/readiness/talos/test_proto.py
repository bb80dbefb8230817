"""The generated code is what its .proto files say, and cheap modules import none of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hil.readiness.talos.proto.generate import HERE, ROOT, generated

CHEAP = ("access", "api", "board", "changes", "conditions", "console_progress", "observation", "patience", "trouble")
DEAR = ("grpclib", "google.protobuf", "cryptography", "asyncio", "ssl", "ruamel")


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "hil.readiness.talos.proto.generate", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    folder = tmp_path / HERE.relative_to(ROOT)
    assert sorted(file.name for file in folder.iterdir()) == generated()
    for name in generated():
        assert (folder / name).read_bytes() == (HERE / name).read_bytes(), f"{name}: make it anew"


def test_what_every_command_imports_is_cheap() -> None:
    modules = "; ".join(f"import hil.readiness.talos.{name}" for name in CHEAP)
    code = f"import sys; {modules}; print([name for name in {DEAR!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
