"""An attribute that is made when it is first asked for, by one thread. For what must be closed, and so be one.

`functools.cached_property` has had no lock since Python 3.12: two threads that ask at once have it made twice, and one
of the two is lost (CPython, gh-87634). Where one thread asks, that is the one to take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Owner = TypeVar("Owner")
Made = TypeVar("Made")


class MadeOnce(Generic[Owner, Made]):
    """A method as such an attribute; afterwards it is found in the object's `__dict__`, as a cached property is.

    While one is made, others of the same name wait, whosever they are: it is no place for what takes long.

    Args:
        make: the method.
    """

    def __init__(self, make: Callable[[Owner], Made]) -> None:
        self._make = make
        self._making = threading.RLock()
        self.__doc__ = make.__doc__

    def __get__(self, owner: Owner, kind: type[Owner] | None = None) -> Made:
        made: dict[str, Made] = vars(owner)
        name = self._make.__name__
        with self._making:
            if name not in made:
                made[name] = self._make(owner)
            return made[name]
