"""An exercise as a notebook uses it: ``task = w.exercise("container.loss")``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.cards import result_card
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import Panel
from workshop_kit.exercises.registry import Exercise
from workshop_kit.progress import silent


class TaskValues(dict[str, Any]):
    """The values of a task. A missing name means that ``task`` is another exercise's: cells ran out of order."""

    def __missing__(self, name: str) -> Any:
        gives = f"gives {', '.join(self)}" if self else "gives nothing"
        raise WorkshopError(
            f"This task has no {name!r}: it is the one of another exercise, and {gives}.",
            "Run the cell above that shows the exercise, then this one again.",
        )


@dataclass(frozen=True)
class Task:
    """One exercise and its panel. ``must_pass``: the solutions are in place, so a failed check is an error."""

    exercise: Exercise
    exercise_service: ExerciseService
    panel: Panel
    must_pass: bool = False

    @property
    def given(self) -> Mapping[str, Any]:
        """The values in the task: numbers from the seed, and the image or the container that it is about."""
        subject = self.exercise_service.subject(self.exercise.id)
        return TaskValues({**self.exercise_service.given(self.exercise.id), **(subject.names if subject else {})})

    def show(self) -> None:
        """Show the panel; in a headless run check the file first."""
        if self.panel.headless and self.exercise.file:
            self._check_headless()
        self.panel.show()

    def hand_in(self, value: Any) -> None:
        """Record the value that the cell computed, and check it: text, numbers, lists, dictionaries of them."""
        self.exercise_service.hand_in(self.exercise.id, value, _source_of_running_cell())
        if self.panel.headless:
            self._check_headless()
        else:
            self.panel.check()
        if self.panel.result is not None:
            display(result_card(self.panel.result))  # type: ignore[no-untyped-call]

    def _check_headless(self) -> None:
        result = self.exercise_service.check(self.exercise.id, silent)
        self.panel.result = result
        self.panel.passed = self.panel.passed or result.passed
        if self.must_pass and not result.passed:
            raise WorkshopError(f"{self.exercise.id} is not passed: {result.summary}", output=result.output)


def _source_of_running_cell() -> str:
    """Return the text of the running cell; empty outside of a notebook."""
    shell = get_ipython()
    history = shell.user_ns.get("In", [""]) if shell else [""]
    return str(history[-1])
