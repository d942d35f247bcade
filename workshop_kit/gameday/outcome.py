"""What became of customers after a restart: the four answers of Tuesday's prediction, from what was measured."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

BEFORE_SECONDS = WINDOW_SECONDS = 5.0
WELL_PERCENT, CHANGE_PERCENT = 90.0, 10.0


def after_restart(visits: pd.DataFrame, restarted: datetime) -> str:
    """Return ``heals``, ``half``, ``worse`` or ``nothing``, from customers (``time``, ``good``) around a restart.

    ``heals``: well at the end. ``half``: better once it serves again, and worse again at the end. ``worse``: fewer were
    served after it than before. ``nothing``: as many as before.
    """
    seconds = (visits["time"] - pd.Timestamp(restarted)).dt.total_seconds()
    before = _percent(visits[(seconds < 0) & (seconds >= -BEFORE_SECONDS)])
    after = visits[seconds >= 0]
    first = seconds[after.index[after["good"]]].min() if after["good"].any() else 0.0
    soon = _percent(visits[(seconds >= first) & (seconds < first + WINDOW_SECONDS)])
    end = _percent(visits[seconds > seconds.max() - WINDOW_SECONDS])
    if end >= WELL_PERCENT:
        return "heals"
    if soon > before + CHANGE_PERCENT and end < soon - CHANGE_PERCENT:
        return "half"
    return "worse" if _percent(after) < before - CHANGE_PERCENT else "nothing"


def _percent(visits: pd.DataFrame) -> float:
    return 100.0 * float(visits["good"].mean()) if len(visits) else 0.0
