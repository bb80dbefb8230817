"""A component served by this host's own wasmtime, as the simulated node serves it; ended with its block."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hil.clock import Deadline
from hil.tools import host, wasmtime
from hil.tools.cache import Cache
from hil.tools.progress import quiet

_FETCHED_WITHIN = 600.0
_SERVING = re.compile(rb"Serving HTTP on http://127\.0\.0\.1:(\d+)/")


@contextmanager
def served(component: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of 127.0.0.1 on which the component answers.

    Args:
        component: its file.
        environment: what the service has in its own besides this process's.
    """
    deadline = Deadline.after(_FETCHED_WITHIN)
    program = wasmtime.obtain(host.machine(), Cache(), progress=quiet, deadline=deadline)
    arguments = ["serve", "-Scli,http", "-Ccache=n", "--env=HIL_TRAP", "--addr=127.0.0.1:0", component]
    process = subprocess.Popen(
        [program, *arguments],
        env={**os.environ, "RUST_LIB_BACKTRACE": "0", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        match = _SERVING.search(said)
        assert match is not None, said + process.stderr.read()
        yield int(match[1])
    finally:
        process.kill()
        process.communicate()
