"""A rig file's `ready:` as what a boot is watched for."""

from __future__ import annotations

import re

from hil.config.ready import ReadyConfig
from hil.images.image import HttpReady, Ready


def ready_of(config: ReadyConfig) -> Ready:
    """The same with its patterns compiled.

    Args:
        config: from the rig file; its patterns are valid.
    """
    http = None
    if config.http is not None:
        http = HttpReady(config.http.port, config.http.path, _compiled(config.http.body))
    return Ready(_compiled(config.console), http)


def _compiled(text: str | None) -> re.Pattern[bytes] | None:
    return None if text is None else re.compile(text.encode())
