"""Makes the generated code of this folder from its .proto files, with grpcio-tools; part of no boot and no test run.

    python -m hil.readiness.talos.proto.generate [FOLDER]

FOLDER is where the tree goes, the checkout by default. It needs the packages of the `dev` extra.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[3]
SOURCES: Final = ("machine", "specs", "state")
SERVICES: Final = ("machine", "state")


def generated() -> list[str]:
    """The names of the files that are made, in no folder."""
    kinds = ("_pb2.py", "_pb2.pyi")
    return sorted([name + kind for name in SOURCES for kind in kinds] + [f"{name}_grpc.py" for name in SERVICES])


def generate(target: Path) -> None:
    """Write the generated code below `target`, each file where its module belongs.

    Raises:
        RuntimeError: the compiler or one of its plugins failed; it has said why on stderr.
    """
    protoc = importlib.import_module("grpc_tools.protoc")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    outputs = [f"--{kind}_out={target}" for kind in ("python", "mypy", "grpclib_python")]
    includes = [f"-I{ROOT}", f"-I{files('grpc_tools') / '_proto'}"]
    sources = [str((HERE / f"{name}.proto").relative_to(ROOT)) for name in SOURCES]
    if protoc.main(["protoc", *includes, *outputs, *sources]):
        raise RuntimeError("the protobuf compiler failed")
    made = target / HERE.relative_to(ROOT)
    for name in SOURCES:
        stubs = made / f"{name}_grpc.py"
        if name in SERVICES:
            stubs.write_text(f'"""gRPC stubs of {name}.proto."""\n' + stubs.read_text())
        else:
            stubs.unlink(missing_ok=True)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
