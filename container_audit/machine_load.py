"""Whether this machine was too busy for a judgment by time; no other judgment depends on its load."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

from workshop_kit.patience import MAX_MEASURED_FACTOR, configured_factor, last_start_seconds, waiting_per_core

TOO_BUSY = 2.0
"""With so many programs for each core, each gets half a core at most. The audit's own clones are fewer."""
SLOW_START_SECONDS = 1.5
"""An idle engine starts the prober in less time."""

LOOKS = 5
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class MachineLoad:
    """The programs that ran or waited for each core of this machine, and the seconds that a container's start took."""

    programs_per_core: float
    start_seconds: float = 0.0

    @property
    def excuse(self) -> str:
        """The sentence that says why this machine was too busy; "" if it was not."""
        if self.programs_per_core > TOO_BUSY:
            reason = f"{self.programs_per_core:.0f} programs ran or waited for each core of this machine"
        elif self.start_seconds > SLOW_START_SECONDS:
            reason = f"the engine took {self.start_seconds:.1f} s to start a container of the audit"
        else:
            return ""

        return f"But {reason}: try again when less runs beside it."


def watch_seconds(seconds: float) -> float:
    """Return how long to watch a clone that is expected to succeed: longer only if the last minute was busy.

    Time limits use `patient` instead, which also counts the programs of this moment, the audit's own clones among them.
    """
    factor = configured_factor()
    if factor is None:
        load_of_last_minute, _, _ = os.getloadavg()
        programs_per_core = load_of_last_minute / (os.cpu_count() or 1)
        measured_factor = 2.0 * programs_per_core - 1.0
        factor = min(max(1.0, measured_factor), MAX_MEASURED_FACTOR)

    return seconds * factor


def now() -> MachineLoad:
    """Return the load of this machine: the median of LOOKS measurements, and the seconds of the last container start.

    A single measurement may see many programs on an idle machine, too.
    """
    measurements = []
    for _ in range(LOOKS):
        measurements.append(waiting_per_core())
        time.sleep(LOOK_SECONDS)

    return MachineLoad(statistics.median(measurements), last_start_seconds())
