"""The exercise service: one way to check, hint, solve and reset, for the notebook and the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions
from workshop_kit.workspace.file_cell import shipped_cells
from workshop_kit.workspace.folder import Workspace

FILE = "my_service/start.sh"
GRACEFUL, LIMITS = "container.graceful", "container.limits"
LAYER = "container.layer"
LESSON = "02_configuration"


def found(
    exercise_service: ExerciseService, monkeypatch: pytest.MonkeyPatch, identifier: str, *findings: Finding
) -> None:
    """Check an exercise, which finds these."""
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: Result(Verdict.WRONG, "It says too much.", findings))
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
    assert engineless.place(GRACEFUL) == "line 5 of mine/my_service/start.sh"
    assert "the cell below the panel" in engineless.place(LAYER)


def test_a_solution_is_locked_before_a_pass_and_then_compared(engineless: ExerciseService) -> None:
    """Before a pass ``anyway`` unlocks it for good; a comparison has the participant's region and the reference's."""
    assert engineless.solution(GRACEFUL) is None
    text = engineless.solution(GRACEFUL, anyway=True) or ""
    assert "exec uvicorn" in text
    assert "#|" not in text
    assert engineless.solution(GRACEFUL) == text
    path = engineless.workspace.folder / FILE
    path.write_text(regions.replace(path.read_text(), GRACEFUL, "mine\n"))
    assert engineless.compare(GRACEFUL) == ("mine\n", text)
    path.write_text("nothing")
    with pytest.raises(WorkshopError, match="has no region"):
        engineless.compare(GRACEFUL)


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


def test_a_file_with_damaged_markers_is_not_run_and_can_be_reset(engineless: ExerciseService) -> None:
    """The sentence names file and line; a reset restores the whole file and keeps the damaged one."""
    path = engineless.workspace.exercises / "02_configuration/tasks.yaml"
    ids = regions.ids(path.read_text())
    path.write_text(path.read_text().replace("# endregion config.environments", "# end"))
    result = engineless.check("config.environments")
    assert result.verdict is Verdict.NOT_READABLE
    assert "tasks.yaml" in result.summary
    assert "line " in result.summary
    engineless.reset("config.environments")
    assert regions.ids(path.read_text()) == ids
    assert list((engineless.workspace.folder / "kept").rglob("tasks.yaml"))


def test_a_shared_seed_shares_the_numbers(engineless: ExerciseService, tmp_path: Path) -> None:
    """Two participants with one seed get one task."""
    other = ExerciseService.of(Workspace.open(tmp_path / "other"), engineless.stack)
    for one in (engineless, other):
        one.workspace.share_seed(7)
    assert engineless.given(LIMITS) == other.given(LIMITS)
    assert engineless.find(LIMITS).task == other.find(LIMITS).task
    assert "{" not in engineless.find(LIMITS).task


def test_a_jump_solves_earlier_exercises_and_keeps_edited_files(engineless: ExerciseService) -> None:
    """At the start of a later lesson earlier exercises hold the solution, and edited files are in kept/.

    At the start of the lesson itself they are as they came.
    """
    path = engineless.workspace.folder / FILE
    starter = path.read_text()
    path.write_text(regions.replace(starter, GRACEFUL, "mine\n"))
    arrived = checkpoint.arrange(engineless, "02_configuration")
    assert GRACEFUL in arrived.solved
    assert "exec uvicorn" in path.read_text()
    assert arrived.backup.folder is not None
    assert "mine\n" in (arrived.backup.folder / FILE).read_text()
    checkpoint.arrange(engineless, "01_container")
    assert path.read_text() == starter


@pytest.mark.parametrize(("lesson", "drain_is_fresh"), [("04b_monitoring_more", True), ("05_game_day", False)])
def test_an_exercise_of_a_second_notebook_is_fresh_there(
    engineless: ExerciseService, lesson: str, drain_is_fresh: bool
) -> None:
    """At the start of 04b what lesson 04 asks for is solved, and its own exercises are not; in lesson 05 all are."""
    texts = [engineless.exercise_files(engineless.find(name)) for name in ("monitoring.deep", "monitoring.drain")]
    checkpoint.arrange(engineless, lesson)
    assert [one.is_untouched() for one in texts] == [False, drain_is_fresh]


def test_filling_in_keeps_what_was_changed(engineless: ExerciseService) -> None:
    """An untouched exercise gets its solution, one that was begun does not: "Run all" is safe, and safe twice."""
    checkpoint.arrange(engineless, LESSON)
    (tasks,) = engineless.workspace.folder.glob("exercises/*/tasks.yaml")
    cells = ["exercise-config-environments", "exercise-config-environments"]
    assert list(checkpoint.fill_in(engineless, LESSON, cells)) == [
        "exercises/02_configuration/tasks.yaml has the solution: config.environments",
        "exercises/02_configuration/tasks.yaml stays as it is: config.environments",
    ]
    mine = tasks.read_text().replace("staging", "stage")
    tasks.write_text(mine)
    assert all("stays as it is" in sentence for sentence in checkpoint.fill_in(engineless, LESSON, cells))
    assert tasks.read_text() == mine


def test_a_cell_that_makes_no_file_cannot_be_filled_in(engineless: ExerciseService) -> None:
    """One sentence names it."""
    with pytest.raises(WrongUsage, match="'title' is no cell of 02_configuration that makes a file"):
        list(checkpoint.fill_in(engineless, LESSON, ["title"]))


def test_an_exercise_of_the_first_service_is_not_run_on_a_later_one(engineless: ExerciseService) -> None:
    """What `goto 01` would bring back is not there: nothing is built, and the sentence says what to do."""
    exercise = engineless.find("container.limits")
    assert engineless.later_lesson(exercise) == ""
    (engineless.workspace.my_service / "config.py").write_text("")  # a file of lesson 02
    result = engineless.check("container.limits")
    assert not result.passed
    assert "goto 01" in result.summary
