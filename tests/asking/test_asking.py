"""Asking a node's own interfaces: what is expected, who says so, and where another process finds the node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.hardware import Hardware
from support.talos_api import READY, ApiInMemory, apis_in_memory
from support.wire import Wire

from hil.asking import Asking, Own
from hil.checking.sections import whole
from hil.config.expect import (
    CozystackExpect,
    Expect,
    KubernetesExpect,
    ServesExpect,
    SpinExpect,
    TailscaleExpect,
    TalosExpect,
)
from hil.config.kubernetes import KubeconfigChoice
from hil.config.talos import TalosAccess
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import MissingPart, UsageError
from hil.images.image import Asset, Image, Ready
from hil.images.simnode import SIMULATED
from hil.joining import InTailnet
from hil.provisioning import Provision
from hil.reached import Reached, read_reached
from hil.readiness.condition import Truth
from hil.readiness.panel import Panel
from hil.readiness.rounds import Missing
from hil.readiness.talos.access import Access

RUNNING = Expect(talos=TalosExpect(version="v1.13.9"))
MAINTENANCE = Expect(talos=TalosExpect(stage="maintenance"))
NAMED = Expect(talos=TalosExpect(hostname="other"))
NO_TAILNET = Missing("no tailnet")
MADE: list[Asking] = []
NAMELESS = Expect(talos=TalosExpect(hostname=None))


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hardware]:
    wire = Wire()
    hardware = Hardware(wire)
    hardware.doors[50000] = ("127.0.0.1", 40001)
    with apis_in_memory(monkeypatch):
        yield hardware
        while MADE:
            MADE.pop().end()
    hardware.close()
    wire.hang_up()
    wire.close()


def image(expect: Expect | None = None, **more: object) -> Image:
    asset = Asset("kernel", Path("kernel"), "0" * 64, "made up")
    return Image("img", "files", asset, (), (), Ready(), re.compile(b""), expect, **more)  # type: ignore[arg-type]


def asking(
    hardware: Hardware,
    folder: Path,
    own: Expect | None = None,
    *,
    port: int = 50000,
    talosconfig: Path | None = None,
    kubeconfig: Path | None = None,
    tailnet: InTailnet | Missing = NO_TAILNET,
) -> Asking:
    access = TalosAccess.model_construct(talosconfig=talosconfig, context=None, port=port)
    cluster = KubeconfigChoice.model_construct(kubeconfig=kubeconfig, context=None)
    MADE.append(Asking("n1", hardware.machine(), folder, Own(own, access, cluster), lambda: tailnet))
    return MADE[-1]


def began(given: Asking, booted: Image | None) -> Panel | None:
    return given.begin(booted, Transcript(), 0)


@pytest.mark.parametrize(
    ("own", "booted", "ports"),
    [
        (None, None, ()),
        (None, image(), ()),
        (None, image(ports=(8080,)), (8080,)),
        (None, image(RUNNING, ports=(8080,)), (50000, 8080)),
        (RUNNING, None, (50000,)),
        (Expect(), image(RUNNING), ()),
        (None, image(Expect(tailscale=TailscaleExpect())), (50000, 9002)),
        (None, image(Expect(talos=TalosExpect(), tailscale=TailscaleExpect(healthz=None)), ports=(50000,)), (50000,)),
        (Expect(spin=SpinExpect(serves=ServesExpect(path="/", port=8000))), None, (50000, 8000)),
        (Expect(kubernetes=KubernetesExpect()), None, (50000, 6443)),
        (Expect(cozystack=CozystackExpect()), None, (50000, 6443)),
    ],
)
def test_only_of_what_something_is_expected_is_asked(
    hardware: Hardware, tmp_path: Path, own: Expect | None, booted: Image | None, ports: tuple[int, ...]
) -> None:
    given = asking(hardware, tmp_path, own)
    assert given.ports(booted) == ports
    assert (began(given, booted) is not None) == (50000 in ports)
    assert ApiInMemory.made == []


SERVES = SpinExpect(extension=None, handler=None, serves=ServesExpect(path="/"))


@pytest.mark.parametrize("expect", [Expect(spin=SERVES), Expect(kubernetes=KubernetesExpect(), cozystack=None)])
def test_what_is_asked_without_talos_needs_none(hardware: Hardware, tmp_path: Path, expect: Expect) -> None:
    given = asking(hardware, tmp_path, expect, kubeconfig=tmp_path / "kubeconfig")
    assert given.ports(None) == ((3000,) if expect.spin else ())
    panel = began(given, None)
    assert panel is not None
    assert [condition.name for condition in panel.look() if condition.name.startswith("talos")] == []
    assert ApiInMemory.made == []


def test_what_is_asked_through_talos_has_its_rows_as_well(hardware: Hardware, tmp_path: Path) -> None:
    panel = began(asking(hardware, tmp_path, Expect(kubernetes=KubernetesExpect())), None)
    assert panel is not None
    names = [condition.name for condition in panel.look()]
    assert names[:2] == ["talos.api", "talos.stage"]
    assert "kubernetes.node" in names


@pytest.mark.parametrize(
    ("tailnet", "made", "services"),
    [
        (Missing("no tailnet"), True, ("hello",)),
        (Missing("no tailnet"), False, ("hello", "tailscale")),
        (InTailnet(Missing("no key"), Missing("no peer")), True, ("hello", "tailscale")),
    ],
)
def test_a_service_that_was_configured_for_no_tailnet_is_not_expected_to_run(
    hardware: Hardware, tmp_path: Path, tailnet: InTailnet | Missing, made: bool, services: tuple[str, ...]
) -> None:
    expect = Expect(talos=TalosExpect(services=("hello", "tailscale")), tailscale=TailscaleExpect())
    given = asking(hardware, tmp_path, expect, tailnet=tailnet)
    given.configured = Provision("", "", tmp_path / "talosconfig") if made else None
    began(given, None)
    assert given.sides.talos.expect.services == services


def test_the_networks_of_its_configuration_are_known(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING)
    given.configured = Provision("cluster: {network: {podSubnets: [100.64.0.0/16]}}", "", tmp_path / "talosconfig")
    began(given, image())
    clash = {condition.name: condition.truth for condition in given.sides.tailscale.look()}["tailscale.cidrs"]
    assert clash is Truth.FALSE


def test_the_rigs_port_is_asked(hardware: Hardware, tmp_path: Path) -> None:
    assert asking(hardware, tmp_path, RUNNING, port=51000).ports(None) == (51000,)


@pytest.mark.parametrize(
    ("own", "of_image", "version"), [(None, RUNNING, "v1.13.9"), (NAMED, RUNNING, None), (RUNNING, NAMED, "v1.13.9")]
)
def test_the_rigs_word_on_the_node_goes_before_that_on_its_image(
    hardware: Hardware, tmp_path: Path, own: Expect | None, of_image: Expect, version: str | None
) -> None:
    given = asking(hardware, tmp_path, own)
    began(given, image(of_image))
    assert given.sides.talos.expect.version == version


@pytest.mark.parametrize(
    ("own", "of_image", "made", "hostname"),
    [
        (None, RUNNING, True, "n1"),
        (RUNNING, None, True, "n1"),
        (None, None, True, "n1"),
        (None, RUNNING, False, None),
        (NAMED, RUNNING, True, "other"),
        (None, NAMED, True, "other"),
        (NAMELESS, RUNNING, True, None),
        (None, MAINTENANCE, True, None),
    ],
)
def test_a_configuration_that_the_bench_made_names_the_node(
    hardware: Hardware, tmp_path: Path, own: Expect | None, of_image: Expect | None, made: bool, hostname: str | None
) -> None:
    given = asking(hardware, tmp_path, own)
    given.configured = Provision("", "", tmp_path / "talosconfig") if made else None
    began(given, image(of_image))
    assert given.sides.talos.expect.hostname == hostname


def test_a_machine_that_is_off_is_not_asked(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING)
    with pytest.raises(UsageError, match="n1 is off, so it cannot be asked"):
        _ = given.sides.talos
    assert given.simulated == ""
    began(given, image())
    probe = given.sides.talos
    assert given.sides.talos is probe
    _ = probe.api
    given.end()
    assert ApiInMemory.made[0].asked == ["close"]
    with pytest.raises(UsageError, match="n1 is off"):
        _ = given.sides.talos


def test_each_boot_is_asked_anew(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING)
    began(given, None)
    first = given.sides.talos
    _ = first.api
    began(given, image(NAMED))
    assert ApiInMemory.made[0].asked == ["close"]
    assert given.sides.talos is not first


def test_lines_of_the_boot_before_do_not_count(hardware: Hardware, tmp_path: Path) -> None:
    transcript = Transcript()
    line = b"[    0.000000] Booting Linux on physical CPU 0x0000000000\n"
    transcript.append(Chunk(1, 1, 0, line))
    given = asking(hardware, tmp_path, RUNNING)
    panel = given.begin(None, transcript, 1)
    assert panel is not None
    assert "no kernel runs" in panel.look()["talos.api"].observed
    assert ApiInMemory.made == []
    transcript.append(Chunk(2, 2, len(line), line))
    assert "no kernel runs" not in panel.look()["talos.api"].observed
    assert len(ApiInMemory.made) == 1


def test_where_it_is_reached_is_written_down_for_others(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING)
    began(given, image(simulated=SIMULATED))
    _ = given.sides.talos.api
    access = ApiInMemory.made[0].reach()
    assert access == Access("127.0.0.1", 40001, None, None, forwarded=True)
    [reached] = read_reached(tmp_path).values()
    assert reached.expect["version"] == "v1.13.9"
    doors = {"50000": ("127.0.0.1", 40001)}
    assert reached == Reached("n1", "127.0.0.1", 40001, simulated=SIMULATED, expect=reached.expect, doors=doors)
    hardware.doors[50000] = ("127.0.0.1", 40002)
    assert ApiInMemory.made[0].reach().port == read_reached(tmp_path)["n1"].port == 40002


def test_what_is_expected_besides_and_its_doors_are_written_down_too(hardware: Hardware, tmp_path: Path) -> None:
    expect = Expect(
        tailscale=TailscaleExpect(healthz=None), spin=SpinExpect(handler=None, serves=ServesExpect(path="/"))
    )
    given = asking(hardware, tmp_path, expect, kubeconfig=tmp_path / "kubeconfig")
    given.configured = Provision("cluster: {network: {podSubnets: [10.244.0.0/16]}}", "", None)
    hardware.doors[3000] = ("127.0.0.1", 40003)
    began(given, image())
    _ = given.sides.talos.api
    ApiInMemory.made[0].reach()
    reached = read_reached(tmp_path)["n1"]
    assert (reached.doors, reached.kubeconfig) == (
        {"50000": ("127.0.0.1", 40001), "3000": ("127.0.0.1", 40003)},
        str(tmp_path / "kubeconfig"),
    )
    assert reached.networks == {"pods": ("10.244.0.0/16",)}
    assert whole({"talos": reached.expect, **reached.sections}) == expect.model_copy(update={"talos": TalosExpect()})


def test_a_door_that_is_not_there(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING, port=51000)
    began(given, None)
    _ = given.sides.talos.api
    with pytest.raises(MissingPart):
        ApiInMemory.made[0].reach()
    assert read_reached(tmp_path) == {}


@pytest.mark.parametrize(("rigs", "made", "used"), [(True, True, "rigs"), (False, True, "made"), (False, False, "")])
def test_the_rigs_talosconfig_goes_before_the_benchs(
    hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rigs: bool, made: bool, used: str
) -> None:
    monkeypatch.setattr("hil.asking.asking.access_of", lambda reached: Access("h", 1))
    given = asking(hardware, tmp_path, RUNNING, talosconfig=tmp_path / "rigs" if rigs else None)
    given.configured = Provision("", "", tmp_path / "made") if made else None
    began(given, None)
    _ = given.sides.talos.api
    ApiInMemory.made[0].reach()
    assert read_reached(tmp_path)["n1"].talosconfig == (str(tmp_path / used) if used else "")


def test_a_node_that_says_so_itself_is_simulated_though_its_image_does_not(hardware: Hardware, tmp_path: Path) -> None:
    given = asking(hardware, tmp_path, RUNNING)
    panel = began(given, image())
    assert panel is not None
    assert given.simulated == panel.look().simulated == ""
    _ = given.sides.talos.api
    ApiInMemory.made[0].latest = replace(READY, simulated=True)
    assert given.simulated == panel.look().simulated == SIMULATED
