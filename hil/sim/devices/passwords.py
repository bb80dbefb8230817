"""Where a device's password is: in the variable that its plan names. Shows it to nobody."""

from __future__ import annotations

import os

from hil.errors import UsageError
from hil.sim.plan import DevicePlan


def secret(plan: DevicePlan, key: str) -> str | None:
    """The secret that the rig's `key` of a device stands for; None where it has none.

    Raises:
        UsageError: its variable is not set.
    """
    variable = plan.options.get(f"{key}_env")
    if not isinstance(variable, str):
        return None
    value = os.environ.get(variable)
    if value is None:
        raise UsageError(
            f"the twin's {plan.name} has its {key} in {variable}, which is not set",
            hint=f"set {variable} where hil is started",
        )
    return value
