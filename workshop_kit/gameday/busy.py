"""Say of a limit of time that was over that the machine is too busy, where programs wait for its cores."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from workshop_kit.errors import NotInTime
from workshop_kit.patience import VARIABLE, waiting_per_core
from workshop_kit.trials.game_records import BUSY_PER_CORE


@contextlib.contextmanager
def explain_if_busy(what: str) -> Iterator[None]:
    """Raise the NotInTime of the block as one about the machine, if it is busy; ``what``: "to open production"."""
    began = time.monotonic()
    try:
        yield
    except NotInTime as late:
        waiting = waiting_per_core()
        if waiting <= BUSY_PER_CORE:
            raise
        raise NotInTime(
            f"This machine is too busy {what}: that was not done after {time.monotonic() - began:.0f} s, and "
            f"{waiting:.1f} programs run or wait for each core.",
            f"Close what runs beside it, or set {VARIABLE}=10, then run the cell again.",
        ) from late
