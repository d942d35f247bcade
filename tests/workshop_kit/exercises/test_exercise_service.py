"""The exercise service: one way to check, hint, solve and reset, for the notebook and the terminal."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.private_engine import filled
from tests.workshop_kit.exercises import check_runner
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises import checkpoint, fixtures
from workshop_kit.exercises.exercise_files import UnreadableFile
from workshop_kit.exercises.exercise_service import LATER_SERVICE_FILE, ExerciseService
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.check_table import CHECKS
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace.folder import Workspace

FILE = "my_service/start.sh"
GRACEFUL = "container.graceful"
LESSON = "02_configuration"
DOCKERFILE = "container.dockerfile"


def check_with_findings(
    exercise_service: ExerciseService, monkeypatch: pytest.MonkeyPatch, identifier: str, *findings: Finding
) -> None:
    """Check an exercise, which finds these."""
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: Result(Verdict.WRONG, "It says too much.", findings))
    exercise_service.check(identifier)


def test_a_finding_names_the_hint_that_is_shown_first(
    engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first finding that failed decides. The hint stays once it is shown, and the others follow in their order."""
    first, second, third = engineless.find(GRACEFUL).hints
    passed = Finding(True, "POST /orders", "201", "201", hint=3)
    without_hint = Finding(False, "something else", "no", "yes")
    with_hint = Finding(False, "stop it", "no end", "an end", hint=2)

    check_with_findings(engineless, monkeypatch, GRACEFUL, without_hint, with_hint)
    assert engineless.progress.exercise(GRACEFUL).first_hint_number == 0
    check_with_findings(engineless, monkeypatch, GRACEFUL, passed, with_hint)
    assert engineless.hint(GRACEFUL) == (second,)
    check_with_findings(engineless, monkeypatch, GRACEFUL, without_hint)
    engineless.hint(GRACEFUL)
    assert engineless.hint(GRACEFUL) == (second, first, third)


def arrive(exercise_service: ExerciseService, identifier: str) -> None:
    """Bring the participant's files where they are at an exercise."""
    check_runner.arrive(exercise_service, exercise_service.find(identifier))


def test_a_check_judges_the_service_as_it_is(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets a copy of the folder, and nothing is filled in; no history and no packages are copied."""
    arrive(engineless, "logging.stdout")
    folder = engineless.workspace.my_service
    (folder / "own.py").write_text("mine = 1\n")
    for left_out in (".git", ".venv"):
        (folder / left_out).mkdir()
    copied: dict[str, bytes] = {}

    def check(context: Context) -> Result:
        copied.update({path.name: path.read_bytes() for path in context.folder.iterdir()})
        return Result(Verdict.PASSED, "It holds.")

    monkeypatch.setitem(CHECKS, "logging.stdout", check)
    service = replace(engineless, stack=lambda: check_runner.NO_STACK)
    assert service.check("logging.stdout").verdict is Verdict.PASSED
    assert copied == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_what_an_exercise_builds_on_is_said(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where its own check fails, and for what does not pass and is no later lesson's matter."""
    arrive(engineless, "logging.context")
    verdicts = {"logging.context": Verdict.WRONG, "logging.stdout": Verdict.WRONG}
    checked: list[str] = []

    def check(context: Context) -> Result:
        checked.append(context.exercise.id)
        return Result(verdicts[context.exercise.id], f"{context.exercise.id} was tried.")

    for identifier in verdicts:
        monkeypatch.setitem(CHECKS, identifier, check)
    service = replace(engineless, stack=lambda: check_runner.NO_STACK)
    exercise = service.find("logging.context")
    assert exercise.builds_on == ("logging.stdout",)

    def summary() -> str:
        return service.judge(exercise, lambda _: None, threading.Event()).summary

    assert summary() == (
        "logging.context builds on logging.stdout, which does not pass yet: begin with that one."
        " logging.context was tried."
    )
    verdicts["logging.stdout"] = Verdict.PASSED
    assert summary() == "logging.context was tried."
    checked.clear()
    verdicts["logging.context"] = Verdict.PASSED
    assert summary() == "logging.context was tried."
    assert checked == ["logging.context"]


def test_a_jump_solves_earlier_exercises_and_keeps_edited_files(engineless: ExerciseService) -> None:
    """At the start of a later lesson earlier exercises hold the solution, and edited files are kept.

    At the start of the first lesson there is no service.
    """
    arrive(engineless, GRACEFUL)
    path = engineless.workspace.folder / FILE
    path.write_text("mine\n")
    arrived = checkpoint.arrange(engineless, LESSON)
    assert GRACEFUL in arrived.solved
    assert "exec uvicorn" in path.read_text()
    assert arrived.backup.folder is not None
    assert (arrived.backup.folder / FILE).read_text() == "mine\n"
    checkpoint.arrange(engineless, "01_container")
    assert not path.exists()


def test_a_jump_takes_along_what_passed(engineless: ExerciseService) -> None:
    """With the helpers, constants and imports that the participant added for it, beside later lessons' lines."""
    for identifier, name in (("container.dockerfile", "exec"), ("logging.stdout", "own_formatter.py")):
        exercise = engineless.find(identifier)
        answer = engineless.root / exercise.answers / name
        check_runner.arrive(engineless, exercise, check_runner.answer_of(exercise, answer))
        engineless.progress.record_check(identifier, Verdict.PASSED)
        checkpoint.arrange(engineless, "05_game_day")

    folder = engineless.workspace.my_service
    logs = (folder / "logs.py").read_text()
    assert "import json\n" in logs
    assert "class JsonFormatter(logging.Formatter):" in logs
    assert "def waiting_for(" in logs
    assert "HEALTHCHECK" in (folder / "Dockerfile").read_text()
    assert "logging.stdout" not in checkpoint.arrange(engineless, "05_game_day").solved


def test_a_fixture_is_made_once(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made again once its container is gone: a jump to another lesson removes that."""
    exercise = "logging.cause"
    numbers = iter("123")
    gone = set[str]()
    stack: Any = SimpleNamespace(session=SimpleNamespace(engine=None))
    exercise_service = replace(engineless, stack=lambda: stack)
    monkeypatch.setitem(fixtures.FIXTURES, exercise, lambda *_: {"container": next(numbers)})
    monkeypatch.setattr(fixtures, "is_there", lambda fixture, _: fixture["container"] not in gone)
    assert exercise_service.fixture(exercise) == exercise_service.fixture(exercise) == {"container": "1"}
    gone.add("1")
    assert exercise_service.fixture(exercise) == {"container": "2"}


def test_a_solution_that_a_jump_brought_is_no_pass(
    engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check says so; the same lines, written after a reset, pass, and a later jump takes no pass away."""
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: Result(Verdict.PASSED, "It holds."))
    checkpoint.arrange(engineless, "04_monitoring")
    result = engineless.check("logging.stdout")
    assert result.verdict is Verdict.NOT_STARTED
    assert "./workshop reset logging.stdout" in result.summary
    assert engineless.progress.exercise("logging.stdout").passed_at is None

    engineless.reset("logging.stdout")
    checkpoint.solve(engineless, "logging.stdout")
    checkpoint.arrange(engineless, "04_monitoring")
    assert engineless.check("logging.stdout").passed
    checkpoint.arrange(engineless, "05_game_day")
    assert engineless.check("logging.stdout").passed


def test_catching_up_brings_what_was_skipped_and_keeps_what_was_written(engineless: ExerciseService) -> None:
    """Files, solutions and answers of the cells before an exercise come; a second time there is nothing to bring."""
    app = engineless.workspace.service_folder() / "app.py"
    sentences = list(checkpoint.catch_up(engineless, "short_90_minutes", "orders.recent"))
    assert [sentence.partition(" ")[0] for sentence in sentences] == ["01_container", "01b_orders"]
    assert "the solution of container.dockerfile" in sentences[0]

    app.write_text(f"{app.read_text()}\n\ndef mine():\n    return 1\n")
    later = list(checkpoint.catch_up(engineless, "02_configuration", "Started from outside"))
    assert "the solution of config.env" in later[-1]
    assert "def mine()" in app.read_text()
    again = list(checkpoint.catch_up(engineless, "02_configuration", "Started from outside"))
    assert again == ["Your files have all that the earlier cells bring."]

    with pytest.raises(WrongUsage, match="no section 'Nowhere'"):
        list(checkpoint.catch_up(engineless, "02_configuration", "Nowhere"))


def test_an_exercise_of_the_first_service_is_not_run_on_a_later_one(engineless: ExerciseService) -> None:
    """What `goto 01` would bring back is not there: nothing is built, and the sentence says what to do."""
    exercise = engineless.find("container.limits")
    assert not engineless.is_too_late(exercise)
    (engineless.workspace.my_service / LATER_SERVICE_FILE).write_text("")
    result = engineless.check("container.limits")
    assert not result.passed
    assert "goto 01" in result.summary


def test_a_damaged_file_can_be_reset(engineless: ExerciseService) -> None:
    """The whole file is as it was shipped, and the damaged one is kept."""
    path = engineless.workspace.exercises / LESSON / "tasks.yaml"
    starter = path.read_text()
    path.write_text(f"{starter}  - [\n")
    assert not engineless.exercise_files(engineless.find("config.environments")).is_untouched()
    engineless.reset("config.environments")
    assert path.read_text() == starter
    assert list((engineless.workspace.folder / "kept").rglob("tasks.yaml"))


def test_a_reset_on_a_full_disk_loses_nothing(engineless: ExerciseService, checkout: Path, small_disk: Path) -> None:
    """It is refused in a sentence; the participant's file stays as it is, and no half copy is left."""
    exercise_service = ExerciseService.of(Workspace.open(small_disk / "mine", checkout), engineless.stack, checkout)
    path = exercise_service.workspace.exercises / "01_container/leaving.py"
    path.write_text(f"{path.read_text()}# {'x' * 8_000}\n")
    mine = path.read_bytes()
    with filled(small_disk), pytest.raises(NotReady, match="is full"):
        exercise_service.reset("container.graceful")
    assert path.read_bytes() == mine
    assert not [*(exercise_service.workspace.folder / "kept").rglob("leaving.py")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, r"cannot be read \(No such file"), (b"#" * 2_000_000, "is larger than 1 MB")],
    ids=["absent", "large"],
)
def test_a_file_that_cannot_be_judged_is_named(
    engineless: ExerciseService, content: bytes | None, sentence: str
) -> None:
    """Nothing of it is built or run; one sentence says how to get it back."""
    arrive(engineless, DOCKERFILE)
    path = engineless.workspace.my_service / "Dockerfile"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=rf"my_service/Dockerfile {sentence}.*`./workshop reset"):
        engineless.exercise_files(engineless.find(DOCKERFILE)).read_text()


def test_an_exercise_before_its_cell_says_which_lesson_brings_it(engineless: ExerciseService) -> None:
    """There is nothing to judge, to reset or to compare yet."""
    result = replace(engineless, stack=lambda: check_runner.NO_STACK).check("monitoring.deep")
    assert result.verdict is Verdict.NOT_READABLE
    assert "It comes with lesson 04_monitoring" in result.summary
    with pytest.raises(WorkshopError, match="no cell brought it yet"):
        engineless.reset("monitoring.deep")
