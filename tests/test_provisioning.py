"""What a bench makes for its Talos nodes, with a stand-in for the generator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest

from hil.config.model import HostPort
from hil.errors import ConfigError, InfrastructureError
from hil.images.image import Asset, Image, Ready
from hil.joining import Joining, Programs
from hil.keeper.client import Keeper
from hil.provisioning import Provisioning

GENERATOR = """#!/bin/sh
# Writes what `talostool generate` writes: the words it was called with stand for the configuration.
echo "$@" >>"$(dirname "$0")/calls"
for last; do previous=$word; word=$last; if [ "$previous" = --out ]; then out=$word; fi; done
mkdir -p "$out" && echo "$@" >"$out/controlplane.yaml" && touch "$out/talosconfig" "$out/secrets.yaml"
"""


def image(name: str = "talos", **more: object) -> Image:
    asset = Asset("kernel", Path("kernel"), "0" * 64, "made up")
    return Image(name, "files", asset, (), (), Ready(), re.compile(b""), **more)  # type: ignore[arg-type]


def no_programs() -> Programs:
    raise AssertionError("a tailnet was opened that nobody asked for")


@pytest.fixture
def provisioning(tmp_path: Path) -> Provisioning:
    program = tmp_path / "talostool"
    program.write_text(GENERATOR)
    program.chmod(0o755)
    bench = HostPort("10.0.2.100", 8080)
    joining = Joining(cast("Keeper", None), tmp_path, None, bench, no_programs, tmp_path / "tailnet")
    return Provisioning(
        tmp_path, cluster="virt", bench=bench, lease="10.0.2.15", program=lambda: program, joining=joining
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


@pytest.mark.parametrize(("made", "source"), [(True, "none"), (False, None)])
def test_none_is_served_where_none_is_wanted(
    tmp_path: Path, provisioning: Provisioning, made: bool, source: str | None
) -> None:
    assert provisioning.provide("node1", image(machine_config=made), source) is None
    assert calls(tmp_path) == []


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
