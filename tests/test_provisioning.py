"""What a bench makes for its Talos nodes, with a stand-in for the generator."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hil.config.expect import Expect, TailscaleExpect
from hil.config.model import HostPort
from hil.errors import ConfigError, InfrastructureError
from hil.images.image import Asset, Image, Ready
from hil.joining import Joining, Programs
from hil.keeper.client import Keeper
from hil.provisioning import Provisioning
from hil.readiness.rounds import Missing
from hil.services.tailnet.tailnet import Tailnet

GENERATOR = """#!/bin/sh
# Writes what `talostool generate` writes: the words it was called with stand for the configuration.
echo "$@" >>"$(dirname "$0")/calls"
for last; do previous=$word; word=$last; if [ "$previous" = --out ]; then out=$word; fi; done
mkdir -p "$out" && echo "$@" >"$out/controlplane.yaml" && touch "$out/talosconfig" "$out/secrets.yaml"
"""

LEASES = {"node1": "10.0.2.15", "a": "10.0.2.11", "b": "10.0.2.12"}


def image(name: str = "talos", **more: object) -> Image:
    asset = Asset("kernel", Path("kernel"), "0" * 64, "made up")
    return Image(name, "files", asset, (), (), Ready(), re.compile(b""), **more)  # type: ignore[arg-type]


def no_programs() -> Programs:
    raise AssertionError("a tailnet was opened that nobody asked for")


@pytest.fixture
def hidden() -> set[str]:
    return set()


@pytest.fixture
def provisioning(tmp_path: Path, hidden: set[str]) -> Provisioning:
    program = tmp_path / "talostool"
    program.write_text(GENERATOR)
    program.chmod(0o755)
    bench = HostPort("10.0.2.100", 8080)
    joining = Joining(cast("Keeper", None), tmp_path, None, bench, no_programs, tmp_path / "tailnet")
    return Provisioning(
        tmp_path,
        cluster="virt",
        bench=bench,
        lease=lambda node: LEASES[node],
        program=lambda: program,
        joining=joining,
        hide=hidden.update,
    )


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_a_generated_configuration_is_made_once(tmp_path: Path, provisioning: Provisioning) -> None:
    wanted = image(machine_config=True, extension_configs={"hello": {"HELLO_NAME": "x"}})
    first = provisioning.provide("node1", wanted, None)
    assert first is not None
    assert first.argument == "talos.config=http://10.0.2.100:8080/generic?mac=${mac:hexhyp}"
    assert first.talosconfig == tmp_path / "talos/node1-talos/talosconfig"
    assert "--hostname node1 --endpoint https://10.0.2.15:6443 --sans 127.0.0.1,10.0.2.15" in first.machine_config
    assert first.machine_config not in repr(first)
    assert provisioning.provide("node1", wanted, "generated") == first
    assert len(calls(tmp_path)) == 1


def test_the_nodes_of_a_bench_are_one_cluster(tmp_path: Path, provisioning: Provisioning) -> None:
    for node in ("a", "b"):
        provisioning.provide(node, image(), "generated")
    first, second = calls(tmp_path)
    assert "--secrets" not in first
    assert f"--secrets {tmp_path}/talos/a-talos/secrets.yaml" in second
    assert "--endpoint https://10.0.2.11:6443 --sans 127.0.0.1,10.0.2.11 " in f"{first} "
    assert "--endpoint https://10.0.2.12:6443 --sans 127.0.0.1,10.0.2.12 " in f"{second} "


@pytest.mark.parametrize(("made", "source"), [(True, "none"), (False, None)])
def test_none_is_served_where_none_is_wanted(
    tmp_path: Path, provisioning: Provisioning, made: bool, source: str | None
) -> None:
    assert provisioning.provide("node1", image(machine_config=made), source) is None
    assert calls(tmp_path) == []


def test_what_is_secret_in_a_configuration_is_hidden_before_it_is_served(
    tmp_path: Path, provisioning: Provisioning, hidden: set[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("machine: {token: abcdef.0123456789abcdef, type: controlplane}\n")
    assert provisioning.provide("node1", image(), tmp_path / "mine.yaml") is not None
    assert hidden == {"abcdef.0123456789abcdef"}


def test_a_file_is_served_to_the_letter(tmp_path: Path, provisioning: Provisioning) -> None:
    (tmp_path / "mine.yaml").write_text("version: v1alpha1 # {{ mine }}\n")
    given = provisioning.provide("node1", image(machine_config=True), tmp_path / "mine.yaml")
    assert given is not None
    assert (given.machine_config, given.talosconfig) == ("version: v1alpha1 # {{ mine }}\n", None)
    assert calls(tmp_path) == []


@pytest.mark.parametrize(("data", "words"), [(b"\xff\xfe", "it is not UTF-8 text"), (None, "No such file")])
def test_a_file_that_cannot_be_read(
    tmp_path: Path, provisioning: Provisioning, data: bytes | None, words: str
) -> None:
    file = tmp_path / "mine.yaml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ConfigError, match=words):
        provisioning.provide("node1", image(), file)


def test_a_generator_that_fails_is_the_benchs_fault(tmp_path: Path, provisioning: Provisioning) -> None:
    (tmp_path / "talostool").write_text("#!/bin/sh\necho 'no keys today' >&2\nexit 1\n")
    with pytest.raises(InfrastructureError, match="could not be made") as caught:
        provisioning.provide("node1", image(), "generated")
    assert "no keys today" in caught.value.evidence[-1]


@dataclass
class Tailnets:
    """The tailnet of a bench, in memory: notes when it is opened, and gives keys."""

    found: Tailnet | Missing | None = None
    opened: int = 0
    keys: list[str] = field(default_factory=list)

    def open(self) -> Tailnet | Missing:
        self.opened += 1
        return self.found or Tailnet(SERVER, "the bench's authority\n", None, None, None, None, self.new_key)

    def new_key(self, hostname: str) -> str:
        self.keys.append(f"hskey-auth-canary-{len(self.keys) + 1}-{hostname}")
        return self.keys[-1]


SERVER = "https://10.0.2.100:8443"
# Writes the environments of extension services into the configuration, as Talos's library does, and notes its words.
WITH_FILES = """#!/bin/sh
folder="$(dirname "$0")"
echo "$@" >>"$folder/calls"
while [ $# -gt 0 ]; do
    case "$1" in --out) out=$2;; --extensions) extensions=$2;; --trusted-roots) roots=$2;; esac
    shift
done
mkdir -p "$out" && cp "$extensions" "$out/controlplane.yaml" && touch "$out/talosconfig" "$out/secrets.yaml"
rm -f "$folder/roots" && [ -z "$roots" ] || cp "$roots" "$folder/roots"
"""


@pytest.fixture
def tailnets(tmp_path: Path, provisioning: Provisioning, monkeypatch: pytest.MonkeyPatch) -> Tailnets:
    (tmp_path / "talostool").write_text(WITH_FILES)
    tailnets = Tailnets()
    monkeypatch.setattr(Joining, "open", lambda joining: tailnets.open())
    return tailnets


def environments(provisioning: Provisioning, booted: Image, node: str = "node1") -> dict[str, dict[str, str]]:
    """Of the extension services in the node's configuration, at its next boot."""
    given = provisioning.provide(node, booted, None)
    assert given is not None
    return cast("dict[str, dict[str, str]]", json.loads(given.machine_config))


JOINING = {
    "machine_config": True,
    "tailnet": True,
    "extension_configs": {"hello": {"A": "b"}, "tailscale": {"B": "c"}},
}


def test_a_node_that_joins_has_a_key_of_its_own_at_each_boot(
    tmp_path: Path, provisioning: Provisioning, tailnets: Tailnets
) -> None:
    first, second = (environments(provisioning, image(**JOINING)) for _ in range(2))
    assert first["hello"] == second["hello"] == {"A": "b"}
    assert (first["tailscale"]["B"], first["tailscale"]["TS_HOSTNAME"]) == ("c", "node1")
    assert first["tailscale"]["TS_EXTRA_ARGS"] == f"--login-server={SERVER}"
    assert [each["tailscale"]["TS_AUTHKEY"] for each in (first, second)] == tailnets.keys
    assert tailnets.keys == ["hskey-auth-canary-1-node1", "hskey-auth-canary-2-node1"]
    assert (tmp_path / "roots").read_text() == "the bench's authority\n"
    again = calls(tmp_path)[1]
    assert f"--secrets {tmp_path}/talos/node1-talos/secrets.yaml" in again, (
        "it stays the same node of the same cluster"
    )


def test_the_key_is_in_the_configuration_alone(
    tmp_path: Path, provisioning: Provisioning, tailnets: Tailnets, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = provisioning.provide("node1", image(**JOINING), None)
    assert given is not None
    assert "canary" in given.machine_config
    assert "canary" not in repr(given) + repr(provisioning) + repr(provisioning._made) + "".join(calls(tmp_path))
    fails = "#!/bin/sh\necho 'no keys today' >&2\nexit 1\n"
    (tmp_path / "talostool").write_text(fails)
    with pytest.raises(InfrastructureError, match="could not be made") as caught:
        provisioning.provide("node1", image(**JOINING), None)
    assert "canary" not in str(caught.value) + repr(caught.value.evidence) + caught.value.hint


def test_a_node_that_does_not_join_opens_no_tailnet(
    tmp_path: Path, provisioning: Provisioning, tailnets: Tailnets
) -> None:
    own = {"tailscale": {"TS_AUTHKEY": "of the user's"}}
    found = environments(provisioning, image(machine_config=True, extension_configs=own))
    assert (found, tailnets.opened) == (own, 0)
    assert not (tmp_path / "roots").exists()
    environments(provisioning, image(machine_config=True, extension_configs=own))
    assert len(calls(tmp_path)) == 1


def test_an_image_that_is_expected_in_a_tailnet_joins_one(provisioning: Provisioning, tailnets: Tailnets) -> None:
    found = environments(provisioning, image(machine_config=True, expect=Expect(tailscale=TailscaleExpect())))
    assert found["tailscale"]["TS_AUTHKEY"] == tailnets.keys[0]


def test_where_no_tailnet_can_be_the_service_is_configured_for_none(
    tmp_path: Path, provisioning: Provisioning, tailnets: Tailnets
) -> None:
    tailnets.found = Missing("no network namespace can be made")
    found = environments(provisioning, image(**JOINING))
    assert found["hello"] == {"A": "b"}
    # Talos waits for a service without a configuration, and its boot with it.
    assert found["tailscale"]["TS_EXTRA_ARGS"] == "--login-server=https://10.0.2.100:8444"
    assert "TS_AUTHKEY" not in found["tailscale"]
    assert not (tmp_path / "roots").exists()
    environments(provisioning, image(**JOINING))
    assert len(calls(tmp_path)) == 1, "nothing of it is used once, so it is made once"


@pytest.mark.parametrize("source", ["none", "mine.yaml"])
def test_a_configuration_of_the_users_own_opens_no_tailnet(
    tmp_path: Path, provisioning: Provisioning, tailnets: Tailnets, source: str
) -> None:
    (tmp_path / "mine.yaml").write_text("version: v1alpha1\n")
    provisioning.provide("node1", image(**JOINING), source if source == "none" else tmp_path / source)
    assert tailnets.opened == 0


def test_a_server_that_gives_no_key_is_the_benchs_fault(provisioning: Provisioning, tailnets: Tailnets) -> None:
    def refuses(hostname: str) -> str:
        raise InfrastructureError("headscale cannot be asked", hint="look")

    tailnets.found = Tailnet(SERVER, "", None, None, None, None, refuses)
    with pytest.raises(InfrastructureError, match="headscale cannot be asked"):
        environments(provisioning, image(**JOINING))
