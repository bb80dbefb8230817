"""What is taken for secret, and what a record is about and stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.rig import load_rig
from hil.secrets import hide_known, of_environment, of_file, of_rig, too_short
from hil.tools.progress import Step

RIG = """
hil: 1
name: sesame
segment: {kind: user, bench: !env BENCH}
images:
  own-image: {kind: probe, args: [!env ARGUMENT]}
nodes:
  node1:
    kind: qemu
    image: !env IMAGE
    memory: !env MEMORY
    mac: !env MAC
    uuid: !env ID
    talos: {talosconfig: talosconfig}
"""
ENVIRONMENT = {
    "ARGUMENT": "debug.token=opensesame",
    "MEMORY": "2GiB",
    "BENCH": "10.0.2.77:8080",
    "IMAGE": "own-image",
    "MAC": "52-54-00-AA-BB-01",
    "ID": "6F1C3E5A-0D5B-4C55-9F58-0A2F9C1B7A01",
}
TALOSCONFIG = """
context: lab
contexts:
  lab:
    endpoints: [192.168.7.1]
    ca: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmE=
    key: LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVEUgS0VZ
"""


def test_variables_whose_names_say_it() -> None:
    environment = {
        "GITHUB_TOKEN": "ghs_1",
        "TS_AUTHKEY": "tskey-2",
        "AWS_SECRET_ACCESS_KEY": "aws-3",
        "password": "pw-4",
        "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google.json",
        "TOKENIZERS": "on",
        "KEYBOARD": "us",
        "HOME": "/root",
    }
    assert of_environment(environment) == {"ghs_1", "tskey-2", "aws-3", "pw-4"}


def test_a_machine_configuration_gives_its_keys_and_keeps_its_names() -> None:
    text = """
machine:
  token: abcdef.0123456789abcdef
  ca: {crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==, key: LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVEU=}
  network: {hostname: rack-number-one}
  install: {disk: /dev/vda, image: ghcr.io/siderolabs/installer:v1.13.9}
  env: {GRPC_GO_LOG_SEVERITY_LEVEL: info-and-more, REGISTRY_PASSWORD: open-sesame}
cluster:
  secret: 6yGN8FCZp9RZ0b+uMfVwFJl5pYDkLbTk0HB1J8aIm1I=
  controlPlane: {endpoint: "https://10.0.2.15:6443"}
---
apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: tailscale
environment:
  - TS_HOSTNAME=rack-number-one
  - TS_AUTHKEY=hskey-auth-0123456789ab-cdef
  - TS_EXTRA_ARGS=--login-server=https://10.0.2.100:8443
"""
    assert of_file(text) == {
        "abcdef.0123456789abcdef",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
        "LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVEU=",
        "open-sesame",
        "6yGN8FCZp9RZ0b+uMfVwFJl5pYDkLbTk0HB1J8aIm1I=",
        "hskey-auth-0123456789ab-cdef",
    }


@pytest.mark.parametrize("text", ["{{ template", "- 1\n", "", "\ud800"])
def test_of_what_is_no_configuration_nothing_is_known(text: str) -> None:
    assert of_file(text) == frozenset()


def test_a_rig_gives_what_it_took_from_the_environment_and_the_keys_it_names(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG)
    (tmp_path / "talosconfig").write_text(TALOSCONFIG)
    rig = load_rig("./rig.yaml", cwd=tmp_path, environment=ENVIRONMENT)
    assert of_rig(rig, {"HOME": "/root", "X_TOKEN": "x-token"}) >= {
        "debug.token=opensesame",
        "2GiB",
        "x-token",
        "LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVEUgS0VZ",
    }
    public = {ENVIRONMENT[name] for name in ("MAC", "ID", "BENCH", "IMAGE")}
    assert not public & of_rig(rig, {}), "a record cannot do without"
    assert too_short(rig.secrets) == ["MEMORY"]
    (tmp_path / "talosconfig").unlink()
    assert "debug.token=opensesame" in of_rig(rig, {})


def test_a_value_that_is_too_short_is_named_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG)
    (tmp_path / "talosconfig").write_text(TALOSCONFIG)
    rig = load_rig("./rig.yaml", cwd=tmp_path, environment=ENVIRONMENT)
    hidden: set[str] = set()
    steps: list[Step] = []
    hide_known(rig, hidden.update, steps.append)
    assert "debug.token=opensesame" in hidden
    assert [str(step) for step in steps] == [
        "the value of $MEMORY is not hidden in records: it has fewer than 6 characters"
    ]
