"""An exercise as a notebook uses it: ``task = w.exercise("container.loss")``."""

from __future__ import annotations

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


@dataclass(frozen=True)
class TaskValues:
    """The values in a task by name: numbers from the seed, and the image or the container that it is about.

    Looking one up makes the image or the container if it is absent.
    """

    exercise_service: ExerciseService
    exercise_id: str

    def __getitem__(self, name: str) -> Any:
        """Return the value called ``name``. Raises WorkshopError if ``task`` is another exercise's."""
        subject = self.exercise_service.subject(self.exercise_id)
        values = {**self.exercise_service.given(self.exercise_id), **(subject.names if subject else {})}
        if name not in values:
            names = ", ".join(values) or "no values"
            raise WorkshopError(
                f"This task has no {name!r}: it belongs to another exercise, with {names}.",
                "Run the cell above that shows the exercise, then this one again.",
            )
        return values[name]


@dataclass(frozen=True)
class Task:
    """One exercise and its panel. ``must_pass``: the solutions are in place, so a failed check is an error."""

    exercise: Exercise
    exercise_service: ExerciseService
    panel: Panel
    must_pass: bool = False

    @property
    def given(self) -> TaskValues:
        """The values in the task: ``task.given["image"]``."""
        return TaskValues(self.exercise_service, self.exercise.id)

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
