"""Talos's API and console as hil reads them, against a node that speaks through Talos's own libraries.

The node runs as a process of this host; what it is and what is wrong with it is its own doing (fixtures/node).
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from support.simnode import HostedNode, hello_layer, hosted, make_client, make_config

from hil.clock import Deadline
from hil.config.expect import TalosExpect
from hil.errors import NodeError, UsageError
from hil.readiness.condition import Condition, Truth
from hil.readiness.talos.access import Access
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.conditions import conditions
from hil.readiness.talos.console_progress import ConsoleProgress, ProgressReader
from hil.readiness.talos.observation import Mode, Unknown
from hil.readiness.talos.patience import Patience
from hil.readiness.talos.talosconfig import load
from hil.readiness.talos.trouble import Kind
from hil.services.talos_config import MachineConfig
from hil.tools.gonode import talos_version

pytestmark = pytest.mark.boot

T = TypeVar("T")

WITHIN = 30.0
EXPECT = TalosExpect(version=talos_version(), hostname="node1", extensions={"hello": "0.1.0"}, services=("hello",))


def soon() -> Deadline:
    return Deadline.after(WITHIN)


@pytest.fixture(scope="module")
def made() -> Iterator[MachineConfig]:
    """A node's configuration, by Talos's own generator."""
    with tempfile.TemporaryDirectory() as folder:
        yield make_config(Path(folder) / "hil")


@pytest.fixture(scope="module")
def extensions() -> Iterator[Path]:
    """The root of an image with one extension, whose service waits for its configuration and then stays."""
    with tempfile.TemporaryDirectory() as folder:
        yield hello_layer(Path(folder))


@pytest.fixture
def node(made: MachineConfig, extensions: Path) -> Iterator[HostedNode]:
    with hosted(made.config, extensions=extensions) as node:
        yield node


@contextmanager
def asking(
    node: HostedNode, talosconfig: Path | None, *, fingerprint: str | None = None, patience: Patience | None = None
) -> Iterator[TalosApi]:
    context = None if talosconfig is None else load(talosconfig).context()
    access = Access("127.0.0.1", node.port, context, fingerprint, forwarded=True)
    with TalosApi("node1", lambda: access, patience) as api:
        yield api


def judged(api: TalosApi, expect: TalosExpect = EXPECT) -> tuple[Condition, ...]:
    return conditions(api.observe(soon()), expect)


def lacking(found: tuple[Condition, ...]) -> dict[str, Truth]:
    return {condition.name: condition.truth for condition in found if not condition.holds}


def until(api: TalosApi, look: Callable[[], T | None]) -> T:
    deadline = soon()
    while (found := look()) is None:
        assert not deadline.expired, api.latest
        api.wait_for_change(deadline.sooner(0.1))
    return found


def until_lacking(api: TalosApi, wanted: dict[str, Truth], expect: TalosExpect = EXPECT) -> tuple[Condition, ...]:
    def look() -> tuple[Condition, ...] | None:
        found = judged(api, expect)
        return found if lacking(found) == wanted else None

    return until(api, look)


def console(node: HostedNode) -> ConsoleProgress:
    reader = ProgressReader()
    for line in node.console.encode().splitlines(keepends=True):
        reader.line(line)
    return reader.progress


def test_becomes_ready(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.talosconfig) as api:
        found = until_lacking(api, {})
        # Said of the state that the API tells, and so after it.
        node.wait_for("machine is running and ready")
        assert {condition.source for condition in found} == {"api"}
        seen = api.observe(soon())
        assert seen.roles == ("os:admin",)
        assert seen.addresses == ("10.0.2.15/24",)
        assert api.machine_config(soon()) == made.config.read_bytes()
        kinds = {event.kind for event in api.events(soon())}
        assert {"SequenceEvent", "PhaseEvent", "TaskEvent", "ServiceStateEvent", "MachineStatusEvent"} <= kinds
        assert b"[talos] machine is running and ready" in api.dmesg(soon())
        # It runs, and so it has a log; its first line comes when it comes.
        until(api, lambda: api.logs("ext-hello", soon(), tail=1).startswith(b"hello world: listening on") or None)
        with pytest.raises(NodeError, match="says no"):
            api.logs("nothing", soon())
    said = console(node)
    assert said.ready
    assert not said.hopeless
    assert said.services["ext-hello"] == "Running"


def test_a_reboot_is_proved_by_its_boot_id(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.talosconfig) as api:
        until_lacking(api, {})
        before = api.boot_id(soon())
        api.changes()
        api.reboot(soon())
        until(api, lambda: api.latest if api.latest and api.latest.boot_id not in (before,) else None)
        until(api, lambda: True if api.boot_id(soon()) != before else None)
        until_lacking(api, {})
        assert "the connection was lost" in {change.evidence for change in api.changes() if change.what == "talos.api"}


def test_from_maintenance_to_ready(made: MachineConfig, extensions: Path) -> None:
    with hosted(extensions=extensions) as node:
        with asking(node, None, fingerprint=node.fingerprint) as api:
            until_lacking(api, {}, TalosExpect(stage="maintenance", extensions={"hello": "any"}))
            with pytest.raises(UsageError, match="needs os:operator"):
                api.reboot(soon())
        # It answers before it has said how it is reached.
        node.wait_for("--cert-fingerprint .*\n")
        assert console(node).fingerprint == node.fingerprint
        assert console(node).words.startswith("in maintenance mode")
        with asking(node, made.talosconfig, fingerprint=node.fingerprint) as api:
            seen = api.observe(soon())
            assert seen.mode is Mode.MAINTENANCE
            assert seen.trouble is not None
            assert seen.trouble.kind is Kind.MAINTENANCE
            with pytest.raises(NodeError, match="unknown keys found during decoding"):
                api.apply_config(b"version: v1alpha1\nmachine: {foo: 1}\n", soon())
            api.apply_config(made.config.read_bytes(), soon())
            until_lacking(api, {})


def test_a_kubelet_that_fails_after_the_boot(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.talosconfig) as api:
        until_lacking(api, {})
        node.inject("kubelet-unhealthy")
        found = until_lacking(api, {"talos.ready": Truth.FALSE, "talos.unmet": Truth.FALSE})
        assert "kubelet not healthy" in found[3].observed
        node.clear("kubelet-unhealthy")
        until_lacking(api, {})


def test_an_extension_that_crashes_while_talos_says_ready(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.talosconfig) as api:
        until_lacking(api, {})
        api.changes()
        node.inject("extension-crashloop")
        until_lacking(api, {"talos.service.ext-hello": Truth.FALSE})
        told: list[str] = []

        def flaps() -> bool | None:
            told.extend(change.evidence for change in api.changes() if change.what == "talos.service.ext-hello")
            return len(told) >= 3 or None

        until(api, flaps)
        assert told[0] == "gone (was: running)"


def test_an_extension_without_its_configuration(extensions: Path, tmp_path: Path) -> None:
    bare = make_config(tmp_path / "bare", extension_configs={})
    with hosted(bare.config, extensions=extensions) as node, asking(node, bare.talosconfig) as api:
        found = until_lacking(api, {"talos.stage": Truth.FALSE, "talos.service.ext-hello": Truth.FALSE})
        assert found[-1].observed.startswith("waiting: ")


def test_a_reader(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.reader_talosconfig) as api:
        until_lacking(api, {})
        seen = api.observe(soon())
        assert seen.roles == ("os:reader",)
        assert isinstance(seen.boot_id, Unknown)
        with pytest.raises(UsageError, match="needs os:operator, and the talosconfig's role is os:reader"):
            api.reboot(soon())
        with pytest.raises(UsageError, match="needs os:admin"):
            api.apply_config(made.config.read_bytes(), soon())
        with pytest.raises(UsageError, match="needs os:admin"):
            api.machine_config(soon())


def test_an_expired_client(node: HostedNode, made: MachineConfig, tmp_path: Path) -> None:
    with asking(node, make_client(tmp_path / "old", made, expired=True)) as api:
        seen = api.observe(soon())
    assert seen.trouble is not None
    assert seen.trouble.kind is Kind.CLIENT_EXPIRED


def test_another_cluster(node: HostedNode, tmp_path: Path) -> None:
    with asking(node, make_config(tmp_path / "other").talosconfig) as api:
        seen = api.observe(soon())
    assert seen.trouble is not None
    assert seen.trouble.kind is Kind.OTHER_CLUSTER


def test_no_client_certificate(node: HostedNode) -> None:
    with asking(node, None) as api:
        seen = api.observe(soon())
    assert seen.trouble is not None
    assert seen.trouble.kind is Kind.CLIENT_NEEDED


def test_a_clock_far_off(made: MachineConfig) -> None:
    with hosted(made.config, faults=["clock-off"]) as node, asking(node, made.talosconfig) as api:
        seen = api.observe(soon())
    assert seen.trouble is not None
    assert seen.trouble.kind is Kind.NODE_CLOCK
    assert "the node's clock is wrong" in seen.trouble.message


@pytest.mark.parametrize(
    ("fault", "words"),
    [("config-404", "the machine configuration cannot be had: "), ("config-unknown-key", "Talos refuses its machine")],
)
def test_a_configuration_that_cannot_heal(made: MachineConfig, fault: str, words: str) -> None:
    with hosted(made.config, faults=[fault]) as node, asking(node, made.talosconfig) as api:
        progress = until(api, lambda: said if (said := console(node)).hopeless else None)
        found = conditions(api.observe(Deadline.after(0.1)), EXPECT, progress)
    assert progress.hopeless.startswith(words)
    assert found[0].truth is Truth.UNKNOWN
    assert (found[1].truth, found[1].source) == (Truth.UNKNOWN, "console")


def test_a_node_that_hangs_is_unknown_and_comes_back(node: HostedNode, made: MachineConfig) -> None:
    with asking(node, made.talosconfig, patience=replace(Patience(), stall=1.0)) as api:
        until_lacking(api, {})
        node.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, node.process.pid, os.WSTOPPED)
        try:
            found = conditions(api.observe(Deadline.after(2.5)), EXPECT)
            assert {condition.truth for condition in found} == {Truth.UNKNOWN}
        finally:
            node.process.send_signal(signal.SIGCONT)
        until_lacking(api, {})
