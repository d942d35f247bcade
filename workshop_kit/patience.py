"""The one way to wait, by limits which grow while this machine is slow: a slow machine must not fail a check.

On an idle machine a limit is what the code says. It is longer while programs wait for a core. A check notes each wait
that ended by its limit. Before anything is blamed for one, `engine.control`, which needs the engine, says whether this
machine was slow. This module needs the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from workshop_kit.errors import WrongUsage

VARIABLE = "WORKSHOP_PATIENCE"
"""The variable with a factor in place of the measured one: 10 makes every limit ten times as long."""
MAX_FACTOR = 100.0
"""The largest factor that the variable may have."""
MAX_MEASURED_FACTOR = 10.0
"""The largest measured factor: a wait for what never comes has to end on a busy machine, too."""
Seen = TypeVar("Seen")


def patient(seconds: float) -> float:
    """Return the limit for a wait that may take ``seconds`` on an idle machine: longer while this one is slow.

    Raises WrongUsage if WORKSHOP_PATIENCE is no number from 1 to 100.
    """
    factor = configured_factor()
    if factor is None:
        factor = measured_factor()
    return seconds * factor


def wait_for(
    look: Callable[[], Seen],
    within_seconds: float,
    *,
    until: Callable[[Seen], object] = bool,
    pause_seconds: float = 0.1,
) -> Seen:
    """Look until what is seen is what is waited for, or the limit has passed; return what was seen last.

    ``within_seconds`` is the limit on an idle machine. Raises nothing of its own: the caller says what did not come.
    """
    began = time.monotonic()
    seen = look()
    while not until(seen) and time.monotonic() - began < patient(within_seconds):
        time.sleep(pause_seconds)
        seen = look()
    return seen


@dataclass(frozen=True)
class Wait:
    """A wait that ended by its limit: what did not come, and the seconds that were really waited."""

    what: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what} after {self.seconds:.1f} s"


@dataclass
class Waits:
    """The waits of a check that ended by their limit."""

    ended: list[Wait] = field(default_factory=list)

    def add(self, what: str, seconds: float) -> None:
        """Note a wait; ``what`` says in a few words what did not come (``no answer to GET /livez on port 8080``)."""
        self.ended.append(Wait(what, seconds))

    @property
    def longest(self) -> Wait | None:
        """The longest one; None if none ended by its limit."""
        return max(self.ended, key=lambda wait: wait.seconds, default=None)


def configured_factor() -> float | None:
    """Return the factor in WORKSHOP_PATIENCE; None where it is not set. Raises WrongUsage as `patient` does."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None

    factor = 0.0  # for a text that is no number
    with contextlib.suppress(ValueError):
        factor = float(text)
    if not 1.0 <= factor <= MAX_FACTOR:
        sentence = f"{VARIABLE} is {text!r}, and no number from 1 to {MAX_FACTOR:g}."
        raise WrongUsage(sentence, "Unset it: then it is measured. Or set it to 10.")
    return factor


def measured_factor() -> float:
    """Return the factor that this machine needs now, from 1 to 10, by its load."""
    last_minute, _, _ = os.getloadavg()  # the mean number of programs that run or wait for a core
    load_factor = 2.0 * last_minute / (os.cpu_count() or 1) - 1.0
    return min(max(1.0, load_factor), MAX_MEASURED_FACTOR)
