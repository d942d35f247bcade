"""Where the presenter is in the demo: the step, whether its actions were done, and the time since its start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workshop_kit.instructor.script import DemoStep, Script


@dataclass
class DemoProgress:
    """The demo's step and its stopwatch, which the first action starts; ``clock`` returns monotonic seconds."""

    script: Script
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    step: DemoStep = field(init=False)
    done: bool = field(default=False, init=False)
    _demo_since: float | None = field(default=None, init=False)
    _step_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.step = self.script.steps[0]

    def choose(self, number: object) -> None:
        """Go to a step, from 1. Raises WrongUsage."""
        self.step, self.done = self.script.step(number), False
        self.start()
        self._step_since = self.clock()

    def start(self) -> None:
        """Start the stopwatch, unless it runs."""
        if self._demo_since is None:
            self.restart()

    def restart(self) -> None:
        """Start the stopwatch anew, for the demo and for the step."""
        self._demo_since = self._step_since = self.clock()

    def state(self) -> dict[str, Any]:
        """Return it as JSON takes it; the seconds are None before the start."""
        now = self.clock()
        return {
            "number": self.step.number,
            "done": self.done,
            "step_seconds": None if self._step_since is None else round(now - self._step_since, 2),
            "demo_seconds": None if self._demo_since is None else round(now - self._demo_since, 2),
        }
