"""What needs no container is decided before the stack is brought up; a check's error is that exercise's alone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.workshop_room.grading.conftest import HandIn, starter_of
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.host import GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_trial
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import growth, regions, registry, solutions
from workshop_kit.workspace.folder import Workspace
from workshop_room.grading.disk_watch import FULL
from workshop_room.grading.grade import Grade, Outcome
from workshop_room.grading.submission import Submission, read_submissions
from workshop_room.grading.worker import Job, SubmissionJudge, fill

EXERCISES = registry.load(CHECKOUT)


def no_stack() -> Stack:
    """Fail: nothing has to run."""
    raise AssertionError("a check was run")


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., SubmissionJudge]:
    """The judge of a submission in a fresh workspace."""

    def make(folder: Path, *exercises: str, stack: Callable[[], Stack] = no_stack) -> SubmissionJudge:
        [submission] = read_submissions([folder])
        return judge_of(submission, tmp_path / "fresh", exercises, stack)

    return make


def judge_of(
    submission: Submission, folder: Path, exercises: tuple[str, ...], stack: Callable[[], Stack]
) -> SubmissionJudge:
    """A judge as the worker makes it, without an engine."""
    job = Job.of(submission, list(exercises), folder, ())
    workspace = Workspace.open(folder)
    fill(workspace, Job.model_validate_json(job.model_dump_json()))
    return SubmissionJudge(job, ExerciseService.of(workspace, stack))


def grades(judge: SubmissionJudge) -> dict[str, tuple[Outcome, str]]:
    """Outcome and finding by exercise."""
    return {grade.exercise: (grade.outcome, grade.finding) for grade in judge.grades()}


def test_what_was_handed_in_replaces_the_starters(hand_in: HandIn, judge: Callable[..., SubmissionJudge]) -> None:
    """No starter stays beside the files, and each file is at the stage of its exercises."""
    service = judge(hand_in("ann", {"config.py": starter_of("config.report")})).service
    handed_in = set(solutions.files_at(CHECKOUT, "99"))
    assert {path.name for path in service.workspace.my_service.iterdir()} == handed_in
    reached = growth.stages(service.workspace.folder)
    for source in solutions.service_sources(CHECKOUT):
        if source.path in reached:
            own = (service.workspace.folder / source.path).read_text()
            assert set(regions.ids(source.at(reached[source.path]))) == set(regions.ids(own)), source.path
    assert service.workspace.seed == 7


def test_a_file_where_the_workspace_has_a_folder(tmp_path: Path) -> None:
    """What no exercise has is not written, so that it cannot be in the way of one."""
    files = {"my_service/Dockerfile": b"FROM x\n", "exercises/02_configuration": b"a file"}
    judge = judge_of(Submission("eve", files), tmp_path / "fresh", ("config.env",), no_stack)
    assert [grade.outcome for grade in judge.grades()] == [Outcome.NOT_HANDED_IN]
    assert (tmp_path / "fresh" / "exercises" / "02_configuration").is_dir()


def test_what_needs_no_container(hand_in: HandIn, judge: Callable[..., SubmissionJudge]) -> None:
    """A starter is not started, a missing file not handed in, a damaged one not readable, lesson 01 over by then."""
    folder = hand_in("ann", {"config.py": starter_of("config.report")})
    service = folder / "my_service"
    (service / "middleware.py").unlink()
    (service / "alerts.yml").unlink()
    (service / "alerts.yml").mkdir()
    (service / "cache.py").unlink()
    (service / "cache.py").symlink_to("/dev/zero")
    (service / "logs.py").write_bytes(b"\xff\xfe")
    of_files = ("config.env", "config.report", "logging.stdout", "logging.context", "config.limits")
    outcomes = grades(judge(folder, *of_files, "container.limits", "monitoring.ratio"))
    assert outcomes["config.report"] == (Outcome.NOT_STARTED, "")
    assert outcomes["config.env"][0] is Outcome.NOT_GRADED
    assert "replaced by a later step" in outcomes["config.env"][1]
    assert outcomes["logging.stdout"][0] is Outcome.NOT_READABLE
    assert outcomes["logging.context"] == (Outcome.NOT_HANDED_IN, "There is no my_service/middleware.py.")
    assert outcomes["config.limits"] == (Outcome.NOT_READABLE, "my_service/cache.py is a link.")
    assert outcomes["container.limits"][0] is Outcome.NOT_GRADED
    assert "hand it in before 01b" in outcomes["container.limits"][1]
    assert outcomes["monitoring.ratio"][0] is Outcome.NOT_HANDED_IN


def test_numbers_of_an_unknown_workspace_are_not_guessed(
    hand_in: HandIn, judge: Callable[..., SubmissionJudge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service folder without a seed is not judged by an exercise that names numbers; --seed gives them."""
    folder = hand_in("ann") / "my_service"
    outcome, finding = grades(judge(folder, "monitoring.healthcheck"))["monitoring.healthcheck"]
    assert (outcome, "--seed" in finding) == (Outcome.NOT_GRADED, True)

    judged = judge(folder, "monitoring.healthcheck")
    judged = replace(judged, job=judged.job.model_copy(update={"seed": 7}))
    monkeypatch.setattr(service_trial, "ensure_up", lambda _stack: None)
    assert grades(checked(judged, lambda *_: Result(Verdict.PASSED, "")))["monitoring.healthcheck"][0] is Outcome.PASSED


def checked(judge: SubmissionJudge, check: Callable[..., Result]) -> SubmissionJudge:
    """The same judge with another check, and with a stack that nobody needs."""

    class Service(ExerciseService):
        def judge(self, *arguments: object) -> Result:
            return check(*arguments)

    own = judge.service
    service = Service(own.workspace, own.progress, object, own.root, own.exercises)  # type: ignore[arg-type]
    return replace(judge, service=service)


def test_a_check_that_fills_the_disk_is_ended(
    hand_in: HandIn, judge: Callable[..., SubmissionJudge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to end, and no other check of the submission runs; what another one of it wrote does not count."""
    free = [100 * GIB]
    checks: list[str] = []
    monkeypatch.setattr(service_trial, "ensure_up", lambda _stack: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free[0]))

    def check(exercise: registry.Exercise, _report: object, superseded: threading.Event) -> Result:
        checks.append(exercise.id)
        if exercise.id == "config.limits":
            free[0] -= 5 * GIB
            assert superseded.wait(10)
        return Result(Verdict.PASSED, "")

    own = checked(judge(hand_in("ann"), "config.report", "config.limits", "logging.stdout"), check)
    grade_rows = list(replace(own, disk=tmp_path).grades())
    assert checks == ["config.report", "config.limits"]
    assert [grade.outcome for grade in grade_rows] == [Outcome.PASSED, Outcome.NOT_JUDGED, Outcome.NOT_JUDGED]
    assert FULL in grade_rows[2].finding


@pytest.mark.parametrize("error", [RecursionError("deep"), WorkshopError("The engine refused."), ValueError("\x1b[2J")])
def test_an_error_of_a_check_costs_one_grade(
    hand_in: HandIn,
    judge: Callable[..., SubmissionJudge],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """The next exercise is judged; what the error says is plain text."""
    monkeypatch.setattr(service_trial, "ensure_up", lambda _stack: None)

    def check(exercise: registry.Exercise, *_: object) -> Result:
        if exercise.id == "config.report":
            raise error
        return Result(Verdict.PASSED, "")

    grade_rows: list[Grade] = list(checked(judge(hand_in("ann"), "config.report", "config.limits"), check).grades())
    assert [grade.outcome for grade in grade_rows] == [Outcome.NOT_JUDGED, Outcome.PASSED]
    assert grade_rows[0].finding.isprintable()
    assert str(error)[:4].strip("\x1b[2J") in grade_rows[0].finding
