"""Time limits on a slow machine: ``WORKSHOP_PATIENCE=10`` makes those of engine, stack and checks ten times as long."""

from __future__ import annotations

import contextlib
import os

VARIABLE = "WORKSHOP_PATIENCE"


def patient(seconds: float) -> float:
    """Return a time limit times WORKSHOP_PATIENCE, a number of at least 1; what is none counts as 1."""
    with contextlib.suppress(ValueError):
        return seconds * max(1.0, float(os.environ.get(VARIABLE, "1")))
    return seconds
