"""Whether this machine was too busy for a judgment by time; no other judgment depends on its load."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

from workshop_kit.patience import MOST_MEASURED, configured, last_start_seconds, waiting_per_core

TOO_BUSY = 2.0
"""With so many programs for each core, each gets half a core at most. The audit's own clones are fewer."""
SLOW_START_SECONDS = 1.5
"""An idle engine starts the prober in less time."""

LOOKS = 5
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class MachineLoad:
    """What this machine had to do: the programs for each core, and the seconds for the start of a container."""

    programs_per_core: float
    start_seconds: float = 0.0

    @property
    def excuse(self) -> str:
        """The sentence for a machine that was too busy; "" for any other."""
        if self.programs_per_core > TOO_BUSY:
            busy = f"{self.programs_per_core:.0f} programs ran or waited for each core of this machine"
        elif self.start_seconds > SLOW_START_SECONDS:
            busy = f"the engine took {self.start_seconds:.1f} s to start a container of the audit"
        else:
            return ""

        return f"But {busy}: try again when less runs beside it."


def watch_seconds(seconds: float) -> float:
    """Return how long to watch what should succeed: longer only after a busy minute.

    `patient` also counts the programs of this moment, the audit's own clones among them; it is for time limits.
    """
    factor = configured()
    if factor is None:
        programs_per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
        factor = min(max(1.0, 2.0 * programs_per_core - 1.0), MOST_MEASURED)
    return seconds * factor


def now() -> MachineLoad:
    """Measure the last minute's load, or the median of a few looks if higher, and the last start of a container.

    A single look may see many programs on an idle machine, too.
    """
    measurements = []
    for _ in range(LOOKS):
        measurements.append(waiting_per_core())
        time.sleep(LOOK_SECONDS)
    return MachineLoad(statistics.median(measurements), last_start_seconds())
