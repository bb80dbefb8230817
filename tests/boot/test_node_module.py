"""The simulated node's own tests in Go, the real Talos client library among them, and Go's checks of its source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.tools.cache import Cache
from hil.tools.gonode import module
from hil.tools.gotool import Go, go_environment, go_for
from hil.tools.process import Finished, run
from hil.tools.progress import quiet

pytestmark = pytest.mark.boot
WITHIN = 1800.0
# As the programs are built, so that what was compiled for them serves here too.
FLAGS = ("-trimpath", "-tags=grpcnotrace")


@pytest.fixture(scope="module")
def go() -> Go:
    return go_for(module(), Cache(), progress=quiet, deadline=Deadline.after(WITHIN))


def told(go: Go, *words: str) -> Finished:
    return run([go.path, *words], cwd=module(), env=go_environment(Cache()), deadline=Deadline.after(WITHIN))


def test_the_source_is_formatted(go: Go) -> None:
    done = run([Path(go.path).with_name("gofmt"), "-l", module()], deadline=Deadline.after(60))
    assert (done.code, done.output) == (0, "")


def test_the_source_is_vetted(go: Go) -> None:
    done = told(go, "vet", *FLAGS, "./...")
    assert done.code == 0, done.output


def test_its_own_tests_pass(go: Go) -> None:
    done = told(go, "test", *FLAGS, "-json", "./...")
    results = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    ended = {(each["Package"].rpartition("/")[2], each["Test"]): each["Action"] for each in results if "Test" in each}
    failed = sorted(name for name, action in ended.items() if action == "fail")
    assert not failed, f"{failed}\n{done.output[-3000:]}"
    assert done.code == 0, done.output[-3000:]
    by_client = [test for package, test in ended if package == "machined" and ended[package, test] == "pass"]
    assert len(by_client) >= 20
