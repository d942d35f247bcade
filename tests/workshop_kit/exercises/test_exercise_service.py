"""The exercise service: one way to check, hint, solve and reset, for the notebook and the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine import cleanup, containers
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.check_api import CheckResult
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions
from workshop_kit.workspace.file_cell import shipped_cells
from workshop_kit.workspace.folder import Workspace

FILE = "my_service/start.sh"
GRACEFUL, LIMITS = "container.graceful", "container.limits"
LAYER, LOSS = "container.layer", "container.loss"


@pytest.fixture
def exercise_service(tmp_path: Path, participant: Stack) -> ExerciseService:
    """A participant's exercises over the tests' stack."""
    return ExerciseService.of(Workspace.open(tmp_path / "mine"), lambda: participant)


def test_hints_come_one_by_one_and_stay(engineless: ExerciseService) -> None:
    """Each call shows one more, the last one stays the last, and no engine is asked for."""
    counts = [len(engineless.hint(GRACEFUL)) for _ in range(4)]
    assert counts == [1, 2, 3, 3]
    assert len(engineless.hints_shown(GRACEFUL)) == 3


def found(
    exercise_service: ExerciseService, monkeypatch: pytest.MonkeyPatch, identifier: str, *findings: Finding
) -> None:
    """Check an exercise, which finds these."""
    monkeypatch.setattr(ExerciseService, "_judge", lambda *_: CheckResult("It says too much.", findings))
    exercise_service.check(identifier)


def test_the_first_hint_follows_from_the_findings(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one for the first failed finding, and stays once it is shown."""
    exercise = engineless.find("config.report")
    ended, lines = (Finding(False, words, "no", "yes") for words in ("Start it without them", "Count the lines of it"))
    found(engineless, monkeypatch, exercise.id, Finding(False, "something else", "no", "yes"), lines)
    assert engineless.progress.exercise(exercise.id).first_hint == ""
    found(engineless, monkeypatch, exercise.id, replace(ended, passed=True), lines)
    assert engineless.hint(exercise.id) == (exercise.first_hints["Count the lines"],)
    found(engineless, monkeypatch, exercise.id, ended)
    assert engineless.hint(exercise.id) == (exercise.first_hints["Count the lines"], exercise.hints[1])


def test_the_place_to_edit_follows_the_file(engineless: ExerciseService) -> None:
    """Lines of the participant's own file; without its markers, the file alone."""
    path = engineless.workspace.my_service / "compose.yaml"
    text = path.read_text()
    region = regions.find(text, LIMITS)
    path.write_text(f"# one line more\n{text}")
    lines = f"lines {region.first_line + 1}–{region.last_line + 1}"
    assert engineless.place(LIMITS) == f"{lines} of mine/my_service/compose.yaml"
    path.write_text("nothing")
    assert engineless.place(LIMITS) == "mine/my_service/compose.yaml"
    assert "the cell below the panel" in engineless.place(LAYER)


def test_an_ended_check_is_not_recorded(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises instead of a result: a newer text has been saved."""

    def judge(exercise_service: ExerciseService, exercise: Exercise, *_: object) -> CheckResult:
        exercise_service.stop_check(exercise.id)
        return CheckResult("It is wrong.")

    monkeypatch.setattr(ExerciseService, "_judge", judge)
    with pytest.raises(Superseded):
        engineless.check(GRACEFUL)
    assert engineless.progress.exercise(GRACEFUL).attempts == 0


def test_a_comparison_has_both_texts(engineless: ExerciseService) -> None:
    """It returns the participant's region and the reference's; a file without markers is an error."""
    path = engineless.workspace.folder / FILE
    path.write_text(regions.replace(path.read_text(), GRACEFUL, "mine\n"))
    mine, reference = engineless.compare(GRACEFUL)
    assert mine == "mine\n"
    assert "exec uvicorn" in reference
    path.write_text("nothing")
    with pytest.raises(WorkshopError, match="has no region"):
        engineless.compare(GRACEFUL)


def test_a_solution_is_locked_before_a_pass(engineless: ExerciseService) -> None:
    """Before a pass ``anyway`` unlocks it for good."""
    assert engineless.solution(GRACEFUL) is None
    text = engineless.solution(GRACEFUL, anyway=True)
    assert text is not None
    assert "exec uvicorn" in text
    assert "#|" not in text
    assert engineless.solution(GRACEFUL) == text


def test_a_region_that_a_cell_of_the_lesson_wrote_is_untouched(engineless: ExerciseService) -> None:
    """The lesson itself changes the Dockerfile before the exercise: that is where the participant starts."""
    texts = engineless.exercise_files(engineless.find("container.dockerfile"))
    path = engineless.workspace.my_service / "Dockerfile"
    cells = shipped_cells(CHECKOUT / "notebooks", "my_service/Dockerfile")
    written = [text for lesson, text in cells if lesson == "01_container"]
    assert len(written) == 2
    for text in written:
        path.write_text(text)
        assert texts.is_untouched()
    path.write_text(path.read_text().replace("WORKDIR /app", "WORKDIR /srv"))
    assert not texts.is_untouched()


def test_a_reset_takes_back_one_region_and_keeps_the_file_aside(engineless: ExerciseService) -> None:
    """Text outside the region stays; the old file is in kept/."""
    path = engineless.workspace.folder / FILE
    mine = regions.replace(path.read_text(), GRACEFUL, "mine\n").replace("my-service starts", "mine starts")
    path.write_text(mine)
    said = engineless.reset(GRACEFUL)
    assert "mine\n" not in path.read_text()
    assert "mine starts" in path.read_text()
    (kept,) = (engineless.workspace.folder / "kept").rglob("start.sh")
    assert kept.read_text() == mine
    assert str(kept.parents[1].relative_to(engineless.workspace.folder)) in said


def test_a_file_with_damaged_markers_is_not_run_and_can_be_reset(exercise_service: ExerciseService) -> None:
    """The sentence names file and line; a reset restores the whole file and keeps the damaged one."""
    path = exercise_service.workspace.exercises / "02_configuration/tasks.yaml"
    ids = regions.ids(path.read_text())
    path.write_text(path.read_text().replace("# endregion config.environments", "# end"))
    result = exercise_service.check("config.environments")
    assert result.verdict is Verdict.NOT_READABLE
    assert "tasks.yaml" in result.summary
    assert "line " in result.summary
    exercise_service.reset("config.environments")
    assert regions.ids(path.read_text()) == ids
    assert list((exercise_service.workspace.folder / "kept").rglob("tasks.yaml"))


def test_a_shared_seed_shares_the_numbers(
    exercise_service: ExerciseService, tmp_path: Path, participant: Stack
) -> None:
    """Two participants with one seed get one task; without it, their own."""
    other = ExerciseService.of(Workspace.open(tmp_path / "other"), lambda: participant)
    for one in (exercise_service, other):
        one.workspace.share_seed(7)
    assert exercise_service.given("container.limits") == other.given("container.limits")
    assert exercise_service.find("container.limits").task == other.find("container.limits").task
    assert "{" not in exercise_service.find("container.limits").task


def test_a_jump_solves_earlier_exercises_and_keeps_edited_files(engineless: ExerciseService) -> None:
    """At the start of a later lesson earlier exercises hold the solution, and edited files are in kept/."""
    path = engineless.workspace.folder / FILE
    path.write_text(regions.replace(path.read_text(), GRACEFUL, "mine\n"))
    arrived = checkpoint.arrange(engineless, "02_configuration")
    assert GRACEFUL in arrived.solved
    assert "exec uvicorn" in path.read_text()
    assert arrived.aside is not None
    assert "mine\n" in (arrived.aside / FILE).read_text()


def test_a_tour_solves_earlier_exercises_and_the_exercise_of_a_cell(engineless: ExerciseService) -> None:
    """Before a cell of lesson 02 runs, lesson 01 is solved, and of lesson 02 the exercise of that cell alone."""

    def text(identifier: str) -> str:
        return engineless.exercise_files(engineless.find(identifier)).mine()

    check_runner.arrive(engineless, "02_configuration")
    names = ("config.env", "config.report", GRACEFUL)
    untouched = [text(name) for name in names]
    checkpoint.solve_until(engineless, "01_container", "setup")
    assert [text(name) for name in names] == untouched
    checkpoint.solve_until(engineless, "02_configuration", "exercise-config-env")
    assert "exec uvicorn" in text(GRACEFUL)
    assert engineless.exercise_files(engineless.find("config.env")).is_untouched() is False
    assert engineless.exercise_files(engineless.find("config.report")).is_untouched()


def test_an_exercise_of_a_second_notebook_is_fresh_there_and_solved_after_it(engineless: ExerciseService) -> None:
    """At the start of 04b what lesson 04 asks for is solved, and its own exercises are not; in lesson 05 all are."""
    texts = {name: engineless.exercise_files(engineless.find(name)) for name in ("monitoring.deep", "monitoring.drain")}
    checkpoint.arrange(engineless, "04b_monitoring_more")
    assert [one.is_untouched() for one in texts.values()] == [False, True]
    checkpoint.solve_until(engineless, "04b_monitoring_more", "leave")
    assert texts["monitoring.drain"].is_untouched()
    checkpoint.arrange(engineless, "05_game_day")
    assert [one.is_untouched() for one in texts.values()] == [False, False]


@pytest.mark.long
def test_a_jump_removes_the_kernels_objects_and_starts_the_stack(
    exercise_service: ExerciseService, participant: Stack
) -> None:
    """Containers of notebooks are gone, the stack is whole again, also when a part of it was stopped."""
    running = containers.run(participant.session, Spec(participant.container("service").image.id, command=("x",)))
    participant.stop("redis")
    arrived = checkpoint.goto(exercise_service, "container", participant)
    assert arrived.lesson == "01_container"
    with pytest.raises(WorkshopError, match="is gone"):
        running.inspect()
    assert participant.container("redis").status == "running"


@pytest.mark.parametrize("exercise", [LAYER, LOSS])
def test_a_removed_subject_is_made_again(exercise_service: ExerciseService, participant: Stack, exercise: str) -> None:
    """After a jump an answer about the old one is none, and the next question finds a fresh one."""
    first = exercise_service.subject(exercise)
    assert first is not None
    assert exercise_service.subject(exercise) is first
    exercise_service.hand_in(exercise, [], "changed")
    cleanup.remove(participant.session, {"kernel"})
    assert exercise_service.check(exercise).verdict is Verdict.NOT_STARTED
    again = exercise_service.subject(exercise)
    assert again is not None
    assert again.names != first.names
