"""Drivers against the bench twin's devices, each written from the documents alone: each fault is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.twin_ports import Bench, bench_of, check_faults_told_apart, check_own_contacts

from hil.power import exchange

pytestmark = pytest.mark.boot

KINDS = {
    "lcus": ("kind: lcus, device: twin:device, channel: %d", 1),
    "modbus-rtu": ("kind: modbus-rtu, device: twin:device, channel: %d", 0),
    "modbus-tcp": ("kind: modbus-tcp, at: twin:device, channel: %d", 0),
}
"""A section, and from which number it counts its channels."""


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    # A garbled answer is waited out, three times.
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 1.0)
    hurried = [(exchange, "ANSWER_WITHIN", 0.2)]
    with bench_of(*KINDS[request.param], tmp_path, monkeypatch, meter=False, hurried=hurried) as made:
        yield made


def test_each_port_moves_its_own_contact(bench: Bench) -> None:
    check_own_contacts(bench)


def test_each_fault_is_told_apart(bench: Bench) -> None:
    check_faults_told_apart(bench)
