"""What the properties of a test say of the energy of its boots."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from support.hardware import boot_in

from hil.power.meter import Resolution
from hil.pytest_plugin import report
from hil.pytest_plugin.sharing import IN_USE
from hil.report.power import PowerRecord


@pytest.mark.parametrize(
    ("simulated", "joules", "said"),
    [
        (False, 61.2, {"hil_energy_joules": "61.200", "hil_energy_error_joules": "3.100"}),
        (True, 61.2, {"hil_simulated_energy_joules": "61.200", "hil_simulated_energy_error_joules": "3.100"}),
        (True, None, {}),
    ],
)
def test_the_energy_of_a_boot_and_whether_it_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated: bool, joules: float | None, said: dict[str, str]
) -> None:
    power = PowerRecord("m", simulated, Resolution(), 0.5, 1.0, "ready", 18.0, joules, 3.1, 3.4, 6.1, 0.0, 36)
    boot = boot_in(tmp_path)
    boot.metered = SimpleNamespace(record=lambda *_, **__: power)
    in_use = SimpleNamespace(bench=SimpleNamespace(rig=SimpleNamespace(name="r")))
    item = SimpleNamespace(user_properties=[], stash={IN_USE: in_use})
    # Before this test ends: the plugin asks it of this very test too.
    with monkeypatch.context() as patch:
        patch.setattr(report, "ran_on", lambda _: [(SimpleNamespace(name="n"), boot)])
        report.set_properties(cast(pytest.Item, item))
    assert {name: value for name, value in item.user_properties if "energy" in name} == said
