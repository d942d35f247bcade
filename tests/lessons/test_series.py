"""The series, file by file: after each notebook the participant's folder is a service that takes an order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context
from workshop_kit.workspace import file_cell, registry, solutions
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_kit.workspace.file_cell import FileCell
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.registry import Exercise

EXERCISES = {exercise.cell: exercise for exercise in registry.load(CHECKOUT) if exercise.in_service}
NOTEBOOKS = CHECKOUT / "notebooks"

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Style:
    """How a participant answers: with the solution, or with a right answer in another style."""

    name: str
    is_other: bool = False
    is_lazy: bool = False
    """Nothing is solved at all."""

    def answer(self, exercise: Exercise) -> Path | None:
        """Return the answer to an exercise; None for the solution."""
        if not self.is_other or not exercise.alternatives:
            return None
        return CHECKOUT / exercise.answers / exercise.alternatives[0]


STYLES = (
    Style("the solutions"),
    Style("other answers", is_other=True),
    Style("nothing solved", is_lazy=True),
)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_folder_is_a_service_after_each_notebook(stack: Stack, tmp_path: Path, style: Style) -> None:
    """Each file cell keeps what was written before; no cell meets a conflict; then the folder builds and sells."""
    stack.up()
    workspace = Workspace.open(tmp_path / "workspace")
    exercise_service = ExerciseService.of(workspace, lambda: stack)
    for lesson in lesson_names(NOTEBOOKS):
        if lesson < solutions.FIRST:
            continue
        for sentence in walk(exercise_service, lesson, style):
            assert "stays as it is" not in sentence, (lesson, sentence)
        sell(stack, workspace.my_service, lesson)


def walk(exercise_service: ExerciseService, lesson: str, style: Style) -> Iterator[str]:
    """Run the file cells of a notebook and answer its exercises, in the order of the cells; yield what cells say."""
    workspace = exercise_service.workspace
    for cell in notebook_cells(NOTEBOOKS / f"{lesson}.ipynb"):
        if parsed_cell := FileCell.parse(cell["source"]):
            line = parsed_cell.path.removeprefix("notebooks/")
            yield file_cell.write(workspace, lesson, line, parsed_cell.body)
        exercise = EXERCISES.get(cell["id"])
        if exercise is not None and not style.is_lazy:
            answer = style.answer(exercise)
            for part in exercise.parts:
                own = exercise_service.exercise_files(part)
                assert own.region() is not None, (lesson, part)
            if answer is not None:
                check_runner.write_answer(exercise_service, exercise, answer)
            else:
                check_runner.write_solution(exercise_service, exercise)


def sell(stack: Stack, folder: Path, lesson: str) -> None:
    """Build the folder, run it as the lesson leaves it, and order."""
    context = Context(next(iter(EXERCISES.values())), stack, seed=1, folder=folder)
    is_alone = lesson < "01b"
    with service_image.build(context) as image:
        run = service_trial.run(context, image) if is_alone else service_trial.run_with_stack(context, image)
        with run as trial:
            service_trial.wait_order(trial)
