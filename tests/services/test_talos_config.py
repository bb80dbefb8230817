"""What talostool is asked for a node's configuration, and what is said when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import fake_talostool

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services import talos_config
from hil.services.talos_config import MachineConfig

_NOTES = """#!/bin/sh
printf '%s\\n' "$@" >'{folder}/arguments'
while [ $# -gt 0 ]; do
    [ "$1" = --trusted-roots ] && cp "$2" '{folder}/roots'
    [ "$1" = --extensions ] && cp "$2" '{folder}/extensions' && stat -c %a "$2" >'{folder}/mode'
    shift
done
"""


@pytest.fixture
def talostool(tmp_path: Path) -> Path:
    """A program that notes what it is asked."""
    return fake_talostool.script(tmp_path, _NOTES.format(folder=tmp_path))


def generate(program: Path, folder: Path, secrets: Path | None = None, trusted_roots: str = "") -> MachineConfig:
    return talos_config.generate(
        program,
        folder / "made",
        cluster="hil",
        hostname="node1",
        endpoint="https://10.0.2.15:6443",
        sans=["127.0.0.1", "10.0.2.15"],
        extension_configs={"tailscale": {"TS_AUTHKEY": "tskey-secret"}, "mute": {}},
        install_disk="/dev/vda",
        deadline=Deadline.after(30),
        secrets=secrets,
        trusted_roots=trusted_roots,
    )


def asked(folder: Path) -> list[str]:
    return (folder / "arguments").read_text().splitlines()


def test_a_configuration_is_asked_for(talostool: Path, tmp_path: Path) -> None:
    made = generate(talostool, tmp_path)
    assert made == MachineConfig(
        cluster="hil",
        config=tmp_path / "made" / "controlplane.yaml",
        talosconfig=tmp_path / "made" / "talosconfig",
        reader_talosconfig=tmp_path / "made" / "talosconfig-reader",
        secrets=tmp_path / "made" / "secrets.yaml",
    )
    words = asked(tmp_path)
    assert words[0] == "generate"
    assert words[words.index("--sans") + 1] == "127.0.0.1,10.0.2.15"
    assert words[words.index("--out") + 1] == str(tmp_path / "made")
    assert "--secrets" not in words


def test_a_node_of_the_same_cluster(talostool: Path, tmp_path: Path) -> None:
    generate(talostool, tmp_path, secrets=tmp_path / "secrets.yaml")
    words = asked(tmp_path)
    assert words[words.index("--secrets") + 1] == str(tmp_path / "secrets.yaml")


def test_an_extension_s_environment_is_in_a_private_file_that_does_not_stay(talostool: Path, tmp_path: Path) -> None:
    made = generate(talostool, tmp_path)
    words = asked(tmp_path)
    assert json.loads((tmp_path / "extensions").read_text()) == {
        "tailscale": {"TS_AUTHKEY": "tskey-secret"},
        "mute": {},
    }
    assert (tmp_path / "mode").read_text() == "600\n"
    assert not Path(words[words.index("--extensions") + 1]).exists()
    assert "tskey-secret" not in " ".join(words) + repr(made)


def test_authorities_to_trust_are_asked_for(talostool: Path, tmp_path: Path) -> None:
    generate(talostool, tmp_path)
    assert "--trusted-roots" not in asked(tmp_path)
    generate(talostool, tmp_path, trusted_roots="a certificate\n")
    assert (tmp_path / "roots").read_text() == "a certificate\n"
    words = asked(tmp_path)
    assert not Path(words[words.index("--trusted-roots") + 1]).exists()


def test_a_talosconfig_is_asked_for(talostool: Path, tmp_path: Path) -> None:
    made = generate(talostool, tmp_path)
    file = talos_config.client(
        talostool,
        tmp_path / "operator",
        made,
        endpoint="127.0.0.1",
        deadline=Deadline.after(30),
        roles=["os:operator", "os:etcd:backup"],
        expired=True,
    )
    assert file == tmp_path / "operator"
    assert asked(tmp_path) == [
        *("talosconfig", "--cluster", "hil", "--endpoint", "127.0.0.1", "--secrets", str(made.secrets)),
        *("--role", "os:operator", "--role", "os:etcd:backup", "--expired", "--out", str(file)),
    ]


def test_what_talostool_says_is_in_the_error(tmp_path: Path) -> None:
    program = fake_talostool.script(tmp_path, "#!/bin/sh\necho 'talostool: no room' >&2\nexit 1\n")
    with pytest.raises(InfrastructureError, match="the machine configuration of node1 could not be made") as caught:
        generate(program, tmp_path)
    assert caught.value.evidence == ("talostool: no room",)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be started") as caught:
        generate(tmp_path / "talostool", tmp_path)
    assert "hil cache rm" in caught.value.hint


def test_no_room_for_a_temporary_file(talostool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(InfrastructureError, match="temporary file could not be written: No such file"):
        generate(talostool, tmp_path)
