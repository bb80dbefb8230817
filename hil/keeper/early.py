"""A keeper that starts while its client still reads its rig; neither needs the other."""

from __future__ import annotations

import re
import threading
from typing import Self

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir

_STARTS = 10.0
_NAME = 24


class EarlyKeeper:
    """Starts a keeper in the background; a context manager that ends it unless somebody took it.

    Args:
        name: what the bench's runtime folder begins with; characters that a path should not have are left out.
    """

    def __init__(self, name: str) -> None:
        self._name = re.sub(r"[^a-z0-9-]+", "", name.lower())[:_NAME] or "bench"
        self._keeper: Keeper | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._start, name="early-keeper")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._keeper is not None:
            self._keeper.close()

    def take(self) -> Keeper:
        """The keeper, whose owner the caller is from now on.

        Raises:
            InfrastructureError: it did not start.
        """
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        taken, self._keeper = self._keeper, None
        assert taken is not None, "a keeper is taken once"
        return taken

    def _start(self) -> None:
        try:
            self._keeper = Keeper.start(new_runtime_dir(self._name), deadline=Deadline.after(_STARTS))
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that asked for the keeper
            self._failure = error
