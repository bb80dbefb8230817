"""The real talostool: what was recorded of it holds, what it generates is right, and the command is of use."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fake_talostool import RECORDED

from hil.clock import Deadline
from hil.lint.machine_config import check_file
from hil.services import talos_config
from hil.services.talos_config import MachineConfig
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import quiet

pytestmark = pytest.mark.boot

HIL = [sys.executable, "-c", "from hil.start import main; main()"]
NAMES = sorted(file.stem for file in RECORDED.glob("*.yaml"))


@pytest.fixture(scope="module")
def talostool() -> Path:
    return node_program("talostool", Cache(), progress=quiet, deadline=Deadline.after(900))


@pytest.fixture
def generate(talostool: Path, tmp_path: Path) -> Callable[..., MachineConfig]:
    """Makes a configuration in a folder of that name; `secrets` are those of its cluster."""

    def make(name: str, secrets: Path | None = None) -> MachineConfig:
        return talos_config.generate(
            talostool,
            tmp_path / name,
            cluster="hil",
            hostname=name,
            endpoint="https://10.0.2.15:6443",
            sans=["127.0.0.1"],
            extension_configs={"hello": {"HELLO_NAME": "world"}, "mute": {}},
            install_disk="/dev/vda",
            deadline=Deadline.after(60),
            secrets=secrets,
        )

    return make


def lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HIL, "lint", "config", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_was_recorded_holds(name: str, talostool: Path) -> None:
    done = subprocess.run(
        [talostool, "validate", RECORDED / f"{name}.yaml"], capture_output=True, text=True, check=False, timeout=60
    )
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    assert json.loads(done.stdout) == recorded
    assert done.returncode == (0 if recorded["ok"] else 1)


def test_what_is_generated_is_right_and_private(generate: Callable[..., MachineConfig], talostool: Path) -> None:
    made = generate("node1")
    result = check_file(str(made.config), talostool, strict=True, deadline=Deadline.after(60))
    assert (result.ok, result.findings) == (True, ())
    assert [(document.kind, document.name) for document in result.documents] == [
        ("v1alpha1.Config", ""),
        ("HostnameConfig", ""),
        ("ExtensionServiceConfig", "hello"),
    ]
    assert stat.S_IMODE(made.config.parent.stat().st_mode) == 0o700
    for file in (made.config, made.talosconfig, made.reader_talosconfig, made.secrets):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nodes_of_a_cluster_share_its_secrets(generate: Callable[..., MachineConfig]) -> None:
    first = generate("node1")
    second, other = generate("node2", secrets=first.secrets), generate("node3")
    assert first.secrets.read_bytes() == second.secrets.read_bytes() != other.secrets.read_bytes()


def test_the_command_says_where(generate: Callable[..., MachineConfig], tmp_path: Path) -> None:
    made = generate("node1")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(made.config.read_text().replace("disk:", "dsik:"))
    right, broken = lint(made.config), lint("--json", wrong)
    assert (right.returncode, right.stderr) == (0, "")
    assert broken.returncode == 2
    (finding,) = json.loads(broken.stdout)["files"][0]["findings"]
    assert wrong.read_text().splitlines()[finding["line"] - 1][finding["column"] - 1 :].startswith("dsik:")
    assert finding["hint"] == "did you mean 'disk'?"


def test_no_key_of_a_real_configuration_is_shown(generate: Callable[..., MachineConfig], tmp_path: Path) -> None:
    text = generate("node1").config.read_text()
    secrets = set(re.findall(r"(?:token|key|crt|[sS]ecret): (\S+)", text))
    assert len(secrets) > 8
    wrong = tmp_path / "wrong.yaml"
    for break_by in (
        ("token:", "tokn:"),
        ("ca:", "ac:"),
        ("key: ", "key: *"),
        ("secret: ", "secret: ["),
        ("crt: ", "crt: '"),
    ):
        wrong.write_text(text.replace(*break_by))
        for arguments in ((wrong,), ("--json", wrong)):
            done = lint(*arguments)
            assert done.returncode == 2
            assert not [secret for secret in secrets if secret[:12] in done.stdout + done.stderr]


def test_a_pipe_will_do(generate: Callable[..., MachineConfig]) -> None:
    made = generate("node1")
    read_end, write_end = os.pipe()
    os.write(write_end, made.config.read_bytes())
    os.close(write_end)
    done = subprocess.run(
        [*HIL, "lint", "config", f"/dev/fd/{read_end}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        pass_fds=[read_end],
    )
    os.close(read_end)
    assert done.returncode == 0, done.stderr
