"""Explain a wait that took too long: on a busy machine, the error says that the machine is too busy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from workshop_kit.errors import NotInTime
from workshop_kit.patience import VARIABLE, waiting_per_core
from workshop_kit.trials.game_records import BUSY_PER_CORE


@contextlib.contextmanager
def explain_if_busy(what: str) -> Iterator[None]:
    """Replace a NotInTime that the block raises by one that says that the machine is too busy, if it is.

    ``what`` completes the sentence "This machine is too busy …": ``to open production``.
    """
    began = time.monotonic()
    try:
        yield
    except NotInTime as error:
        programs_per_core = waiting_per_core()
        if programs_per_core <= BUSY_PER_CORE:
            raise

        seconds = time.monotonic() - began
        raise NotInTime(
            f"This machine is too busy {what}: that was not done after {seconds:.0f} s, and "
            f"{programs_per_core:.1f} programs run or wait for each core.",
            f"Close what runs beside it, or set {VARIABLE}=10, then run the cell again.",
        ) from error
