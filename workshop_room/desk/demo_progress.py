"""The presenter's progress in the demo: the step, which of its sentences came true, and the stopwatch."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_room.desk.controller import Controller
from workshop_room.desk.demo import Script, measure


class DemoProgress:
    """The presenter's step in the demo. The first action starts the stopwatch."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._demo_since: float | None = None
        self._step_since: float | None = None
        self._go_to(1)

    def choose(self, number: object) -> None:
        """Go to a step, from 1. Raises WrongUsage."""
        last = len(self.script.steps)
        if not isinstance(number, int) or not 0 < number <= last:
            raise WrongUsage(f"There is no step {number!r}.", f"The demo has steps from 1 to {last}.")
        self._go_to(number)
        self.start()
        self._step_since = time.monotonic()

    def _go_to(self, number: int) -> None:
        self.number = number
        self.step = self.script.steps[number - 1]
        self._done_at: pd.Timestamp | None = None
        self._seen: set[int] = set()  # positions of sentences

    def start(self) -> None:
        """Start the stopwatch, unless it runs."""
        if self._demo_since is None:
            self.restart()

    def restart(self) -> None:
        """Start the stopwatch anew, for the demo and for the step."""
        self._demo_since = self._step_since = time.monotonic()

    def finish_actions(self) -> None:
        """Record that the actions of the step are done: only what is measured from now on is their effect."""
        self._done_at = pd.Timestamp.now(tz="UTC")
        self._seen = set()

    def look(self, controller: Controller) -> None:
        """Tick the sentences of the step that are true now; a tick stays."""
        step = self.step
        done_at = self._done_at
        positions = {position for position, sentence in enumerate(step.say) if sentence.see} - self._seen
        if done_at is None or not positions:
            return

        measured = measure(controller, done_at, reads_log=step.reads_log)
        seen = {position for position in positions if not step.say[position].unmet(measured)}
        if self.step is step:  # another thread may have chosen another one meanwhile
            self._seen |= seen

    def state(self) -> dict[str, Any]:
        """Return the progress as plain data for JSON; the seconds are None before the start."""
        return {
            "number": self.number,
            "done": self._done_at is not None,
            "seen": [position in self._seen for position in range(len(self.step.say))],
            "step_seconds": _seconds_since(self._step_since),
            "demo_seconds": _seconds_since(self._demo_since),
        }


def _seconds_since(began: float | None) -> float | None:
    return None if began is None else round(time.monotonic() - began, 2)
