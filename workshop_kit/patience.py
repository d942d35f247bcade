"""Time limits on a slow machine: ``WORKSHOP_PATIENCE=10`` makes those of engine, stack and checks ten times as long."""

from __future__ import annotations

import os

from workshop_kit.errors import WrongUsage

VARIABLE = "WORKSHOP_PATIENCE"
MOST = 100.0


def patient(seconds: float) -> float:
    """Return a time limit times WORKSHOP_PATIENCE. Raises WrongUsage if that is no number from 1 to 100."""
    said = os.environ.get(VARIABLE) or "1"
    try:
        factor = float(said)
    except ValueError:
        factor = 0.0
    if not 1.0 <= factor <= MOST:
        raise WrongUsage(f"{VARIABLE} is {said!r}, and no number from 1 to {MOST:g}.", "Unset it, or set it to 10.")
    return seconds * factor
