"""The exercise service: one way to check, hint, solve and reset, for the notebook and the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.private_engine import filled
from tests.workshop_kit.exercises import check_runner
from workshop_dev import generator
from workshop_kit.errors import NotReady
from workshop_kit.exercises import checkpoint, fixtures
from workshop_kit.exercises.exercise_files import ServiceCopy, StandIn, Unreadable, name_owners
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace import naive_copy, regions, solutions
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.regions import FileStage

FILE = "my_service/start.sh"
GRACEFUL = "container.graceful"
LESSON = "02_configuration"


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


def test_an_answer_that_is_set_aside_goes_along(engineless: ExerciseService) -> None:
    """While the colleague's lines are in a file, a jump takes the participant's."""
    path = engineless.workspace.folder / FILE
    starter = path.read_text()
    path.write_text(regions.replace(starter, GRACEFUL, "mine\n"))
    engineless.progress.record_check(GRACEFUL, Verdict.PASSED)
    source = solutions.source_of(engineless.root, FILE)
    assert source is not None
    naive = naive_copy.find(engineless.workspace, source, FileStage("01"), starter)
    assert naive is not None

    naive.use()
    assert path.read_text() == starter
    checkpoint.arrange(engineless, "02_configuration")
    assert regions.region_of(path.read_text(), GRACEFUL) == "mine\n"
    assert not naive.is_in_use


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


def test_an_exercise_of_the_first_service_is_not_run_on_a_later_one(engineless: ExerciseService) -> None:
    """What `goto 01` would bring back is not there: nothing is built, and the sentence says what to do."""
    exercise = engineless.find("container.limits")
    assert not engineless.is_too_late(exercise)
    (engineless.workspace.my_service / solutions.LATER_SERVICE_FILE).write_text("")  # a file of lesson 02
    result = engineless.check("container.limits")
    assert not result.passed
    assert "goto 01" in result.summary


DOCKERFILE = "container.dockerfile"
FILES = {".dockerignore", "Dockerfile", "app.py", "compose.yaml", "requirements.txt", "start.sh"}


def copied(engineless: ExerciseService, identifier: str, target: Path) -> ServiceCopy:
    """Copy the folder for a check of the exercise to ``target``."""
    return engineless.exercise_files(engineless.find(identifier)).copy_service(target, engineless.exercises)


def test_an_exercise_with_several_files_is_solved_and_reset_in_all_of_them(engineless: ExerciseService) -> None:
    """The replaced files are in kept/, and the solution names the other files."""
    folder = engineless.workspace.my_service
    before = {name: (folder / name).read_text() for name in FILES}
    assert engineless.exercise_files(engineless.find(DOCKERFILE)).is_untouched()
    assert checkpoint.solve(engineless, DOCKERFILE)
    changed = {name for name in FILES if (folder / name).read_text() != before[name]}
    assert changed == {"Dockerfile", ".dockerignore", "requirements.txt"}
    shown = engineless.solution(DOCKERFILE, anyway=True) or ""
    assert "# .dockerignore\n__pycache__\n.git" in shown
    engineless.reset(DOCKERFILE)
    assert {name: (folder / name).read_text() for name in FILES} == before
    kept = {path.name for path in (engineless.workspace.folder / "kept").rglob("*") if path.is_file()}
    assert kept == changed


def test_a_reset_on_a_full_disk_loses_nothing(engineless: ExerciseService, checkout: Path, small_disk: Path) -> None:
    """It is refused in a sentence; the participant's file stays as it is, and no half copy is left."""
    generator.build(checkout)
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
    engineless: ExerciseService, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    """Nothing of it is built or run; one sentence says how to get it back."""
    path = engineless.workspace.my_service / "Dockerfile"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Unreadable, match=rf"my_service/Dockerfile {sentence}.*`./workshop reset"):
        copied(engineless, DOCKERFILE, tmp_path / "copy")


def test_code_that_was_begun_stays_the_participants(engineless: ExerciseService, tmp_path: Path) -> None:
    """A reference stands only where nothing was begun; the copy says in which lines."""
    check_runner.arrive(engineless, engineless.find("logging.context"))
    path = engineless.workspace.my_service / "logs.py"
    own = "# mine, and half done\n"
    path.write_text(regions.replace(path.read_text(), "logging.context", own))
    copy = copied(engineless, "logging.stdout", tmp_path / "copy")
    text = (tmp_path / "copy/logs.py").read_text()
    assert regions.region_of(text, "logging.context") == own
    standing = {stand_in.exercise: stand_in for stand_in in copy.stand_ins if stand_in.file == "logs.py"}
    assert not {"logging.stdout", "logging.context"} & {*standing}
    assert standing, "no exercise of this file is left to begin"
    for stand_in in standing.values():
        first = stand_in.first_line - 1
        assert tuple(text.splitlines()[first : first + len(stand_in.lines)]) == stand_in.lines


STAND_IN = StandIn("logging.context", "logs.py", 40, ("    structlog.contextvars.bind(request_id=made)", "    return"))
CRASH = "NameError: name 'structlog' is not defined (logs.py, line 40)"
TRACEBACK = '  File "/app/my_service/logs.py", line 40, in bind\n    structlog.contextvars.bind(request_id=made)\n'


def test_nobody_is_blamed_for_a_line_of_the_reference() -> None:
    """The finding names the exercise of the line, and shows nothing of it; a line of their own stays as it is."""
    finding = Finding(False, "Start it", CRASH, "200", f"It ended: {CRASH}.")
    result = name_owners(Result.did_not_start(CRASH, finding, output=TRACEBACK), [STAND_IN], "import json\n")
    for text in (result.summary, result.findings[0].means):
        assert "NameError: name 'structlog' is not defined (logs.py, in the reference of logging.context" in text
    assert "bind(request_id" not in result.output
    assert "(a line of the reference)" in result.output
    own = Result.did_not_start("KeyError: 'x' (logs.py, line 12)", output="  value = x\n")
    assert name_owners(own, [STAND_IN], "value = x\n") == own
