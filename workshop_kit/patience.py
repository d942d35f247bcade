"""How long to wait: limits that grow while this machine is slow, so that nobody is blamed for time.

A limit ends a wait that goes wrong. On an idle machine it is what the code says. While programs wait for a core, or
the engine takes long to start a container, it is longer. It needs the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from workshop_kit.errors import WrongUsage

VARIABLE = "WORKSHOP_PATIENCE"
"""The variable with a factor in place of the measured one: 10 makes every limit ten times as long."""
MOST = 100.0
MOST_MEASURED = 10.0
"""A wait that goes wrong has to end on a busy machine, too."""
LOAD_FILE = Path("/proc/loadavg")
USUAL_START_SECONDS = 1.0
"""An idle engine starts a container in less, also one in a virtual machine."""
RECENT_SECONDS = 60.0


class _Engine:
    """How long the engine took to start the last container, and when that was."""

    start_seconds = 0.0
    at = float("-inf")


def patient(seconds: float) -> float:
    """Return a time limit for this moment: as it is on an idle machine, longer on a slow one.

    Raises WrongUsage if WORKSHOP_PATIENCE is no number from 1 to 100.
    """
    factor = configured()
    if factor is None:
        factor = measured()
    return seconds * factor


def configured() -> float | None:
    """Return the factor in WORKSHOP_PATIENCE; None where it is not set. Raises WrongUsage as `patient` does."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None

    factor = 0.0
    with contextlib.suppress(ValueError):
        factor = float(text)
    if not 1.0 <= factor <= MOST:
        sentence = f"{VARIABLE} is {text!r}, and no number from 1 to {MOST:g}."
        raise WrongUsage(sentence, "Unset it: then it is measured. Or set it to 10.")
    return factor


def measured() -> float:
    """Return the factor that this machine needs now, from 1 to 10."""
    by_load = 2.0 * waiting_per_core() - 1.0
    by_engine = last_start_seconds() / USUAL_START_SECONDS
    return min(max(1.0, by_load, by_engine), MOST_MEASURED)


def waiting_per_core() -> float:
    """Return how many programs run or wait for each core: those of this moment, or the last minute's mean if higher."""
    return max(os.getloadavg()[0] / _cores(), waiting_now())


def waiting_now() -> float:
    """Return how many programs run or wait for each core at this moment, without this one.

    macOS does not say: the mean of the last minute.
    """
    try:
        running, _, _ = LOAD_FILE.read_text().split()[3].partition("/")
    except OSError:
        return os.getloadavg()[0] / _cores()
    return (float(running) - 1.0) / _cores()


def _cores() -> int:
    return os.cpu_count() or 1


def started_in(seconds: float) -> None:
    """Note how long the engine took to start a container."""
    _Engine.start_seconds = seconds
    _Engine.at = time.monotonic()


def last_start_seconds() -> float:
    """Return how long the engine took to start a container in the last minute; 0 if it started none."""
    is_recent = time.monotonic() - _Engine.at < RECENT_SECONDS
    return _Engine.start_seconds if is_recent else 0.0
