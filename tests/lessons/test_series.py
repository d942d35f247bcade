"""The series, file by file: after each notebook the participant's folder is a service that takes an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_context import Context
from workshop_kit.workspace import content, exercise_list, file_cell, steps
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import Change

EXERCISES = {exercise.cell: exercise for exercise in exercise_list.load(CHECKOUT) if exercise.in_service}
NOTEBOOKS = CHECKOUT / "notebooks"

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Style:
    """How a participant answers; the tours answer with the solutions."""

    name: str
    is_other: bool = False
    is_lazy: bool = False
    """Nothing is solved at all."""

    def answers(self, exercise: Exercise) -> tuple[Change, ...]:
        """Return what an answer has in place of the solution's lines; nothing for the solution."""
        if not self.is_other or not exercise.alternatives:
            return ()
        return steps.answer(exercise, CHECKOUT / exercise.answers / exercise.alternatives[0])


STYLES = (
    Style("other answers", is_other=True),
    Style("nothing solved", is_lazy=True),
)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_folder_is_a_service_after_each_notebook(stack: Stack, tmp_path: Path, style: Style) -> None:
    """The folder builds, and sells. A cell says that it replaced lines only to a participant who has written some."""
    stack.up()
    workspace = Workspace.open(tmp_path / "workspace")
    exercise_service = ExerciseService.of(workspace, lambda: stack)
    for lesson in lesson_names(NOTEBOOKS):
        if lesson < steps.FIRST:
            continue
        for sentence in walk(exercise_service, lesson, style):
            assert "replace" not in sentence or not style.is_lazy, (lesson, sentence)
        sell(stack, workspace.my_service, lesson)


def walk(exercise_service: ExerciseService, lesson: str, style: Style) -> Iterator[str]:
    """Run the file cells of a notebook and answer its exercises, in the order of the cells; yield what cells say."""
    workspace = exercise_service.workspace
    for cell in notebook_cells(NOTEBOOKS / f"{lesson}.ipynb"):
        if steps.file_cell(cell["source"]):
            line, _, body = cell["source"].partition("\n")
            yield file_cell.write(workspace, lesson, line.removeprefix("%%file"), body).sentence
        exercise = EXERCISES.get(cell["id"])
        if exercise is not None and not style.is_lazy:
            checkpoint.solve(exercise_service, exercise.id)
            give(workspace, exercise, style.answers(exercise))


def give(workspace: Workspace, exercise: Exercise, changes: Iterable[Change]) -> None:
    """Put an answer into the participant's files."""
    for change in changes:
        mine = (workspace.folder / change.path).read_text()
        text = steps.with_solution(change, mine, content.base_text(workspace, change.path), exercise.removes)
        content.write(workspace, change.path, text)


def sell(stack: Stack, folder: Path, lesson: str) -> None:
    """Build the folder, run it as the lesson leaves it, and order."""
    context = Context(next(iter(EXERCISES.values())), stack, seed=1, folder=folder)
    is_alone = lesson < "01b"
    with service_image.build(context) as image:
        run = service_trial.run(context, image) if is_alone else service_trial.run_with_stack(context, image)
        with run as trial:
            service_trial.wait_order(trial)
