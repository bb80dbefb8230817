"""How killed benches were to leave their power ports: done by whoever starts the next bench."""

from __future__ import annotations

from hil.keeper.journal import Entry
from hil.keeper.runtime import sweep
from hil.taking import lock_folder
from hil.tools.progress import Progress, Step


def settle_missed(progress: Progress) -> None:
    """Do it, and remove what those benches left behind.

    What cannot be done is said, stays for the next start, and stops nobody: the bench that is to be opened may have
    nothing to do with it.

    Args:
        progress: told what was done, and what could not be.
    """

    def settle(entry: Entry) -> bool:
        from hil.power.leaving import settled  # a bench whose predecessors ended well does not pay for it

        lock_folder()
        done, words = settled(entry.data)
        progress(Step(words))
        return done

    sweep(settle)
