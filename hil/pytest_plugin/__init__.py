"""The pytest plugin: fixtures that boot a node, the marker that chooses how, and who is blamed for a failure.

Thin: what a boot is stands in `hil.node` and `hil.bench`, which are imported when a test first needs them. A session
that uses none of it pays for the modules named here and for nothing below them.
"""

from __future__ import annotations

pytest_plugins = (
    "hil.pytest_plugin.options",
    "hil.pytest_plugin.markers",
    "hil.pytest_plugin.fixtures",
    "hil.pytest_plugin.verdicts",
    "hil.pytest_plugin.ending",
    "hil.pytest_plugin.secrecy",
)
