"""Every exercise has two sides: what a participant begins with fails its check, and the solution passes it.

This is the one place of the default suite that says so, for the core exercises of lessons 01 to 04; the others and two
slow ones wait for ``./workshop test --all``. Those of lesson 05 are judged from recorded observations in
tests/workshop_kit/gameday/test_gameday_checks.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pandas
import pytest
from matplotlib import pyplot

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import failed_meanings, leaving_nothing
from workshop_kit.checks import FILES, check_of
from workshop_kit.engine import cleanup
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint, panel
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import ExercisePanel
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace

EXERCISES = exercise_list.load(CHECKOUT)
IN_FILES = [exercise for exercise in EXERCISES if exercise.file]
WITHOUT_FILE = [exercise for exercise in EXERCISES if not exercise.file]
IN_NOTEBOOKS = [exercise for exercise in WITHOUT_FILE if exercise.lesson != "05_game_day"]


SLOW = {"config.limits", "monitoring.deep"}
"""Their checks wait for time limits, half a minute each; the tour of their lessons passes their solutions."""


TIMED = {"container.graceful", "config.limits", "monitoring.drain"}
"""Each of their verdicts depends on another clock: they hold on a busy machine, too."""


def sided(exercises: Sequence[Exercise]) -> list[Any]:
    """The exercises as parameters; slow ones, and those that are no part of a lesson's minutes, wait for `--all`."""
    parameters = []
    for exercise in exercises:
        marks = []
        if exercise.weight == "more" or exercise.id in SLOW:
            marks.append(pytest.mark.long)
        if exercise.id in TIMED:
            marks.append(pytest.mark.busy)
        parameters.append(pytest.param(exercise, id=exercise.id, marks=marks))
    return parameters


SYMPTOMS = {
    "container.graceful": "Process 1 is a shell",
    "container.dockerfile": "installs all packages again",
    "container.limits": "other containers lose that memory",
    "orders.recent": "it answers that there are none",
    "config.env": "production gets the order",
    "config.limits": "gets 500 for an order that cannot be taken",
    "config.report": "it names none of them",
    "config.environments": "which is not its own",
    "config.redact": "Now it is in the log",
    "config.file": "The password in the file is right",
    "config.store": "knows the password",
    "config.restore": "is still there, empty",
    "logging.stdout": "docker logs is empty",
    "logging.context": "the id of another request",
    "logging.cause": "had its hiccup",
    "logging.level": "logs as if nobody had asked",
    "logging.parse": "Some of what the container said is nowhere",
    "logging.jq": "jq failed on lines",
    "logging.collector": "The checkpoint said that they are safe",
    "monitoring.deep": "The database hung, so the service is restarted",
    "monitoring.critical": "redis is gone, which is critical",
    "monitoring.metrics": "http_requests is a gauge",
    "monitoring.ratio": "It calls at less than 5 %",
    "monitoring.drain": "After SIGTERM nothing listens any more",
    "monitoring.healthcheck": "the engine called it healthy",
}
"""By which finding the starter fails: for the reason that the exercise is about, and not because it is broken.

A finding is named by its key, or by a part of what it means.
"""

SEED = 15
"""With which the waiting is shortest, and the incident is the pause of redis."""

pytestmark = pytest.mark.timeout(600)  # on a busy machine limits are longer


def test_every_exercise_has_its_check() -> None:
    """Without any exercise, the tests below would pass by checking nothing."""
    ids = {exercise.id for exercise in EXERCISES}
    assert all(map(check_of, ids))
    assert set(FILES) <= ids
    assert set(SYMPTOMS) == {exercise.id for exercise in (*IN_FILES, *IN_NOTEBOOKS)}
    assert IN_FILES
    assert IN_NOTEBOOKS


@pytest.fixture(scope="module")
def exercise_service(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[ExerciseService]:
    """Exercises of a participant whose stack is up; their subjects are removed afterwards."""
    stack.up()
    workspace = Workspace.open(tmp_path_factory.mktemp("two sides") / "workspace")
    workspace.share_seed(SEED)
    yield ExerciseService.of(workspace, lambda: stack)
    assert cleanup.remove(stack.session, {"kernel"}).left == []


@pytest.mark.parametrize("exercise", sided(IN_FILES))
def test_a_file_as_it_comes_fails_and_the_solution_passes(
    exercise_service: ExerciseService, exercise: Exercise
) -> None:
    """The exercises before it are solved. The check leaves nothing."""
    check_runner.arrive(exercise_service, exercise)
    with check_runner.quick_control():
        begun = exercise_service.check(exercise.id)
    checkpoint.solve(exercise_service, exercise.id)
    with leaving_nothing(exercise_service.stack()):
        solved = check_runner.check(exercise_service, exercise)
    assert_two_sides(begun, solved)


@pytest.mark.parametrize("exercise", sided(IN_NOTEBOOKS))
def test_a_cell_as_it_comes_fails_and_the_solution_passes(
    exercise_service: ExerciseService, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell's text runs in this process, with a real task, behind what stands before it in the lesson."""
    files = exercise_service.exercise_files(exercise)
    sources = [files.starter_cell(), files.solution[exercise.path]]
    assert_two_sides(*run_cells(exercise_service, exercise, sources, monkeypatch))


ANSWERS = [
    *((exercise, name, "") for exercise in EXERCISES for name in exercise.alternatives),
    *((exercise, name, key) for exercise in EXERCISES for name, key in exercise.cheats.items()),
]
"""Right answers in other styles, and answers that only please a check with the finding by which each fails."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("exercise", "name", "key"), ANSWERS, ids=[f"{exercise.id}, {name}" for exercise, name, _ in ANSWERS]
)
def test_another_right_answer_passes_and_a_cheat_fails(
    exercise_service: ExerciseService, exercise: Exercise, name: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is judged as a participant's."""
    answer = CHECKOUT / exercise.answers / name
    if exercise.file:
        check_runner.arrive(exercise_service, exercise, check_runner.answer_of(exercise, answer))
        with check_runner.quick_control() if key else nullcontext():
            result = check_runner.check(exercise_service, exercise)
    else:
        result = run_cells(exercise_service, exercise, [answer.read_text()], monkeypatch)[0]
    failed = failed_meanings(result.findings)
    if key:
        assert result.verdict in {Verdict.WRONG, Verdict.DID_NOT_START}, result
        assert any(key in name for name in failed), result
    else:
        assert result.verdict is Verdict.PASSED, result


def run_cells(
    exercise_service: ExerciseService, exercise: Exercise, sources: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> list[Result]:
    """Run these texts of an exercise's cell, behind what stands before it in the lesson; return what each is told."""
    task = ExercisePanel(exercise, exercise_service, headless=True)
    names = names_before(task)
    results = []
    for source in sources:
        monkeypatch.setattr(panel, "running_cell", lambda source=source: source)
        exec(source, names)
        assert task.result is not None
        results.append(task.result)
    return results


def names_before(task: ExercisePanel) -> dict[str, Any]:
    """The names that the lesson's cells have made by the time the exercise's own is run."""
    stack = task.exercise_service.stack()
    client = WorkspaceClient(stack.session)
    names: dict[str, Any] = {
        "task": task,
        "w": SimpleNamespace(engine=stack.session.engine, stack=stack, client=client),
        "client": client,
        "json": json,
        "pd": pandas,
        "plt": pyplot,
    }
    cells = [cell for cell in notebook_cells(CHECKOUT / task.exercise.path) if cell["cell_type"] == "code"]
    ids = [cell["id"] for cell in cells]
    panel_id, own_id = task.exercise.cells
    _, _, source = cells[ids.index(panel_id)]["source"].partition("\n")
    exec(source, names)
    for cell in cells[ids.index(panel_id) + 1 : ids.index(own_id)]:
        exec(cell["source"], names)
    pyplot.close("all")
    return names


def assert_two_sides(begun: Result, solved: Result) -> None:
    """The starter is "not started" and shows its symptom; the solution passes."""
    assert begun.verdict is Verdict.NOT_STARTED, begun.summary
    failed = failed_meanings(begun.findings)
    assert any(SYMPTOMS[begun.exercise] in name for name in failed), (begun.summary, failed)
    assert solved.verdict is Verdict.PASSED, (solved.summary, solved.findings)
