"""The list of exercises: ``exercises/exercises.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workshop_kit.files import load_document
from workshop_kit.names import did_you_mean, resolve
from workshop_kit.workspace.course import FILE, MY_SERVICE

ID = r"[a-z]+\.[a-z0-9]+(?:[_-][a-z0-9]+)*"
Text = Annotated[str, StringConstraints(pattern=r"\S")]
ANSWERS = "answers"
"""The folder of a lesson with other right answers, and with answers that only please a check."""
FileName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")]
Minutes = Annotated[int, Field(ge=1)]
AnyMinutes = Annotated[int, Field(ge=0)]


class Entry(BaseModel):
    """A table that authors write, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Exercise(Entry):
    """One exercise as its author registered it."""

    id: Annotated[str, StringConstraints(pattern=f"^{ID}$")]
    """Its lesson's prefix, a dot and a name: container.graceful. Progress is kept under it, so it never changes."""
    title: Text
    lesson: str
    """The name of the lesson's notebook: 01_container."""
    weight: Literal["core", "more"]
    """A core exercise is part of the lesson's minutes; the others are optional."""
    task: Text
    """The instructions in plain text, a paragraph a line."""
    minutes: Minutes
    """The minutes to do it."""
    debrief_minutes: AnyMinutes
    """The minutes to talk about it."""
    guidelines: Annotated[tuple[str, ...], Field(min_length=1)]
    """The factors and principles that it serves."""
    hints: tuple[Text, Text, Text]
    """What is wrong with the starter, where to look, and nearly the solution."""
    file: FileName | None = None
    """The file to edit; none for an exercise in the notebook, in the cell exercise-ID with a dash for the dot."""
    alternatives: tuple[FileName, ...] = ()
    """Right answers in other styles: files or folders in solutions/<lesson>/answers/<id>/, which its check passes."""
    cheats: Mapping[FileName, Text] = {}
    """Answers that only please the check, in the same folder, each with the key, or a part of the sentence, of the
    finding by which it fails."""
    more_files: tuple[FileName, ...] = ()
    """Further files that its solution changes."""
    removes: tuple[Text, ...] = ()
    """Definitions that its solution does without."""
    builds_on: tuple[str, ...] = ()
    """The exercises without which no answer passes, if the participant has got so far."""
    in_service: bool = False
    """true: its files are in my_service/, which the check builds; else they are in exercises/, or in the notebook."""
    notebook: str = ""
    """The lesson's second notebook (02c_configuration_more) if the exercise is in that one."""

    @property
    def cell(self) -> str:
        """The id of its cell: for an exercise in the notebook the participant's own, for one in a file the panel's."""
        return f"exercise-{self.id.replace('.', '-')}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of all its cells; an exercise in the notebook has its panel in a cell above the participant's own."""
        if self.file:
            return (self.cell,)
        panel_cell = f"panel-{self.id.replace('.', '-')}"
        return panel_cell, self.cell

    @property
    def page(self) -> str:
        """The name of the notebook that its cells are in."""
        return self.notebook or self.lesson

    @property
    def path(self) -> str:
        """The file that the participant edits, as a path in the workspace."""
        if self.file is None:
            return f"notebooks/{self.page}.ipynb"
        if self.in_service:
            return f"{MY_SERVICE}/{self.file}"
        return f"exercises/{self.lesson}/{self.file}"

    @property
    def solution(self) -> str:
        """The folder of its solution, as a path in the checkout."""
        return f"solutions/{self.lesson}/{self.id}"

    @property
    def answers(self) -> str:
        """The folder of its alternatives and cheats, as a path in the checkout."""
        return f"solutions/{self.lesson}/{ANSWERS}/{self.id}"

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes


class ExerciseDocument(BaseModel):
    """The exercises of exercises.toml; `workspace.course` reads its tracks and lessons."""

    exercise: tuple[Exercise, ...] = ()


def load(root: Path) -> tuple[Exercise, ...]:
    """Return the exercises of the checkout ``root``, by lesson and then in the order of exercises.toml.

    Raises NotReady for an entry that is not complete.
    """
    exercises = load_document(root / FILE, ExerciseDocument).exercise
    return tuple(sorted(exercises, key=lambda exercise: exercise.lesson))


def find(exercises: Sequence[Exercise], exercise_id: str) -> Exercise:
    """Return the exercise that ``exercise_id`` means: its id, or a beginning that fits no other (``container.l``).

    The name behind the dot, or its beginning, will do (``lim``). Raises WrongUsage with the ids that fit, or the
    nearest one.
    """
    exercises_by_id = {exercise.id: exercise for exercise in exercises}
    question = did_you_mean(exercise_id.lower(), exercises_by_id)
    advice = f"{question} Choose one that `./workshop status` lists.".lstrip()
    full_id = resolve("exercise", exercise_id, exercises_by_id, ".", advice)
    return exercises_by_id[full_id]
