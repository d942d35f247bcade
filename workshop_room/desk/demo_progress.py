"""The presenter's progress in the demo: the step, what was seen of it, and the stopwatch."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_room.desk.controller import Controller
from workshop_room.desk.demo import load_script, tables_of


class DemoProgress:
    """The presenter's step in the demo, which of its expectations were seen, and the stopwatch.

    The first action starts the stopwatch.
    """

    def __init__(self) -> None:
        self.script = load_script()
        self.step = self.script.steps[0]
        self.done = False
        self._demo_since: float | None = None
        self._step_since: float | None = None
        self._played_at: pd.Timestamp | None = None
        self._seen_positions: set[int] = set()  # of the expectations in the step

    def choose(self, number: object) -> None:
        """Go to a step, from 1. Raises WrongUsage."""
        steps = self.script.steps
        if not isinstance(number, int) or not 0 < number <= len(steps):
            raise WrongUsage(f"There is no step {number!r}.", f"The demo has steps from 1 to {len(steps)}.")

        self.step = steps[number - 1]
        self.done = False
        self._played_at = None
        self._seen_positions = set()
        self.start()
        self._step_since = time.monotonic()

    def start(self) -> None:
        """Start the stopwatch, unless it runs."""
        if self._demo_since is None:
            self.restart()

    def restart(self) -> None:
        """Start the stopwatch anew, for the demo and for the step."""
        self._demo_since = self._step_since = time.monotonic()

    def begin_step(self) -> None:
        """Record that the clicks of the current step begin now: only what is seen after this is their effect."""
        self.start()
        self._played_at = pd.Timestamp.now(tz="UTC")
        self._seen_positions = set()

    def look(self, controller: Controller) -> None:
        """Tick the expectations of the current step that hold since it was begun; a tick stays."""
        since = self._played_at
        step = self.step
        open_expectations = {
            position: expectation
            for position, expectation in enumerate(step.expectations)
            if position not in self._seen_positions
        }
        if since is None or not open_expectations:
            return

        tables = tables_of(controller, list(open_expectations.values()))
        new_positions = set()
        for position, expectation in open_expectations.items():
            is_seen, _ = expectation.check(tables, since)
            if is_seen:
                new_positions.add(position)
        if self.step is step:  # another thread may have chosen another one meanwhile
            self._seen_positions |= new_positions

    def state(self) -> dict[str, Any]:
        """Return the progress as plain data for JSON; the seconds are None before the start."""
        return {
            "number": self.step.number,
            "done": self.done,
            "seen": [position in self._seen_positions for position in range(len(self.step.expectations))],
            "step_seconds": _seconds_since(self._step_since),
            "demo_seconds": _seconds_since(self._demo_since),
        }


def _seconds_since(began: float | None) -> float | None:
    return None if began is None else round(time.monotonic() - began, 2)
