"""How many generated examples a property test looks at."""

from __future__ import annotations

from hypothesis import settings

_HYPOTHESIS_OWN = 100


def unless_quick(count: int) -> int:
    """A number for `settings(max_examples=...)`, which by itself would outdo a profile that is made to be quick.

    Args:
        count: what this test needs, whatever Hypothesis's own number is.
    """
    most = settings.get_profile(settings.get_current_profile_name()).max_examples
    return min(count, most) if most < _HYPOTHESIS_OWN else count
