"""``check``: one exercise, several as a table, and those in a copy of a folder that somebody handed in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.commands import Cli
from workshop_kit.commands import check as check_command
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, NotReady, WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import exercise_list, steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace

HandIn = Callable[..., Path]
Verdicts = dict[str, Verdict]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace of the user who runs the command."""
    monkeypatch.setenv("WORKSHOP_WORKSPACE", str(tmp_path / "own"))
    return Workspace.open(tmp_path / "own")


@pytest.fixture
def hand_in(tmp_path: Path) -> HandIn:
    """Make a workspace as somebody hands it in: a repository, all solved, with other texts for some files."""

    def make(**texts: str) -> Path:
        folder = tmp_path / "handed in" / "ann"
        service = folder / MY_SERVICE
        service.mkdir(parents=True)
        (folder / "exercises").mkdir()
        (folder / ".workshop").mkdir()
        (folder / ".workshop" / "seed").write_text("3\n")
        for path, file in steps.files_after(steps.load(CHECKOUT)).items():
            if path.startswith(MY_SERVICE):
                (folder / path).write_text(texts.get(Path(path).name, file.text))
        subprocess.run(["git", "init", "--quiet", service], check=True)
        return folder

    return make


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> Verdicts:
    """What the checks find, by exercise; without a verdict an exercise passes."""
    verdict_by_id: Verdicts = {}

    def check(service: ExerciseService, identifier: str, _report: Report) -> Result:
        assert not list(service.workspace.folder.rglob(".git"))
        verdict = verdict_by_id.get(identifier, Verdict.PASSED)
        return Result(verdict, f"Seed {service.workspace.seed}.", exercise=identifier)

    monkeypatch.setattr(ExerciseService, "check", check)
    return verdict_by_id


def run(capsys: pytest.CaptureFixture[str], *words: str, **options: Any) -> tuple[int, dict[str, str]]:
    """Run the command with --json; return its exit code, and the outcome of each exercise."""
    capsys.readouterr()
    with pytest.raises(typer.Exit) as ended:
        check_command.check(list(words), as_json=True, **options)
    rows = json.loads(capsys.readouterr().out)
    return ended.value.exit_code, {row["exercise"]: row["outcome"] for row in rows}


def starter_of(identifier: str) -> str:
    """The finished file of an exercise, in which all others are solved."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    files = steps.files_after(steps.load(CHECKOUT), lambda name: name != identifier)
    return files[exercise.path].text


@pytest.mark.usefixtures("own")
def test_a_table_has_a_row_for_each_exercise(
    hand_in: HandIn, verdicts: Verdicts, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a later lesson has replaced, and what is answered in a notebook, is not checked."""
    verdicts["config.report"] = Verdict.WRONG
    verdicts["config.limits"] = Verdict.NOT_JUDGED
    code, outcomes = run(capsys, everything=True, folder=hand_in())
    assert code == Exit.NOT_GOOD
    assert list(outcomes) == [exercise.id for exercise in exercise_list.load(CHECKOUT)]
    other_rows = {name: outcome for name, outcome in outcomes.items() if outcome != "passed"}
    in_notebooks = [exercise.id for exercise in exercise_list.load(CHECKOUT) if exercise.file is None]
    replaced = ["container.dockerfile", "container.limits", "container.graceful"]
    assert other_rows == {
        **dict.fromkeys(in_notebooks, "in a notebook"),
        **dict.fromkeys(replaced, "replaced by a later lesson"),
        "config.report": "not yet",
        "config.limits": "not judged",
    }


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PASSED, Exit.GOOD),
        (Verdict.NOT_STARTED, Exit.NOT_GOOD),
        (Verdict.NOT_READABLE, Exit.NOT_GOOD),
        (Verdict.WRONG, Exit.NOT_GOOD),
        (Verdict.NOT_JUDGED, Exit.NOT_READY),
        (Verdict.CANNOT_JUDGE, Exit.NOT_READY),
    ],
)
@pytest.mark.usefixtures("own")
def test_the_exit_code(verdict: Verdict, code: Exit, verdicts: Verdicts, capsys: pytest.CaptureFixture[str]) -> None:
    """It is 1 for what is not right yet, 3 for what was not judged; of a single exercise as of several."""
    verdicts["config.report"] = verdict
    assert run(capsys, "config.report", "config.redact")[0] == code
    ended: int = Exit.GOOD
    try:
        check_command.check(["config.report"])
    except typer.Exit as exit_error:
        ended = exit_error.exit_code
    assert ended == code
    assert "Seed" in capsys.readouterr().out


@pytest.mark.usefixtures("own")
def test_a_lesson_is_named_by_its_number(verdicts: Verdicts, capsys: pytest.CaptureFixture[str]) -> None:
    """02 has the exercises of 02c, too, which 02c has alone."""
    assert verdicts == {}
    lesson = run(capsys, "02", "orders.recent")[1]
    assert {"orders.recent", "config.env", "config.store"} <= set(lesson)
    assert set(run(capsys, "02c")[1]) < set(lesson)


@pytest.mark.usefixtures("own")
def test_a_service_alone(hand_in: HandIn, verdicts: Verdicts, capsys: pytest.CaptureFixture[str]) -> None:
    """What it cannot show is not judged: files in exercises/, and numbers that nobody says."""
    assert verdicts == {}
    service = hand_in() / MY_SERVICE
    names = ("monitoring.healthcheck", "logging.jq", "config.report")
    judged = {"logging.jq": "not judged", "config.report": "passed"}
    assert run(capsys, *names, folder=service) == (3, {"monitoring.healthcheck": "not judged", **judged})
    assert run(capsys, *names, folder=service, seed=7) == (3, {"monitoring.healthcheck": "passed", **judged})


def state_of(folder: Path) -> dict[Path, tuple[int, int]]:
    """When each file and folder was changed last, and its size."""
    return {path: (path.lstat().st_ctime_ns, path.lstat().st_size) for path in (folder, *folder.rglob("*"))}


def test_a_folder_stays_as_it_is(
    own: Workspace, hand_in: HandIn, verdicts: Verdicts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written into it, nor into the own progress; its numbers count, and the first line is a warning."""
    folder = hand_in()
    verdicts["monitoring.healthcheck"] = Verdict.WRONG
    before = state_of(folder)
    with pytest.raises(typer.Exit):
        check_command.check(["monitoring.healthcheck", "config.report"], folder=folder, seed=7)
    output = capsys.readouterr()
    assert output.err.startswith(f"This runs the programs in {folder}")
    assert "Seed 3." in output.out
    assert state_of(folder) == before
    assert not own.progress_path.exists()


@pytest.mark.usefixtures("own")
def test_an_error_costs_one_row(
    hand_in: HandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other exercises are checked, unless the machine is not ready for any."""
    errors: dict[str, WorkshopError] = {"config.report": WorkshopError("The engine refused.")}

    def check(_service: ExerciseService, identifier: str, _report: Report) -> Result:
        if identifier in errors:
            raise errors[identifier]
        return Result(Verdict.PASSED, "It holds.")

    monkeypatch.setattr(ExerciseService, "check", check)
    folder = hand_in()
    outcomes = {"config.report": "not judged", "config.redact": "passed"}
    assert run(capsys, *outcomes, folder=folder) == (Exit.NOT_READY, outcomes)
    errors["config.redact"] = NotReady("There is no engine.")
    with pytest.raises(NotReady):
        check_command.check([*outcomes], folder=folder)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Which exercises?"),
        (["02", "--all"], "Which exercises?"),
        (["nope"], "There is no exercise 'nope'."),
        (["00"], "00_start has no exercises."),
        (["--seed", "-1", "02"], "Invalid value for '--seed'"),
        (["02", "--folder", "/dev/null"], "There is no service in /dev/null."),
    ],
)
def test_bad_input_gets_a_sentence(words: list[str], sentence: str, own: Workspace, cli: Cli) -> None:
    """It says what is wrong, and the exit code is that of wrong usage."""
    process = cli("check", *words, WORKSHOP_WORKSPACE=str(own.folder))
    assert process.returncode == Exit.WRONG_USAGE
    assert sentence in process.stderr.splitlines()[-1]


@pytest.mark.timeout(20)
@pytest.mark.usefixtures("own")
def test_a_folder_that_cannot_be_copied(hand_in: HandIn) -> None:
    """A FIFO in it is a sentence, and does not hang."""
    folder = hand_in()
    os.mkfifo(folder / MY_SERVICE / "pipe")
    with pytest.raises(WorkshopError, match="cannot be copied"):
        check_command.check(["02"], folder=folder)


@pytest.mark.timeout(600)
def test_right_and_wrong_answers_of_a_folder(hand_in: HandIn, cli: Cli, participant: Stack) -> None:
    """On real containers: the table of a workspace, and all that was found for one exercise of its service."""
    folder = hand_in(**{"config.py": starter_of("config.report")})
    environment = {"WORKSHOP_WORKSPACE": str(participant.folder.parent)}
    names = ("config.report", "orders.recent", "container.limits")

    process = cli("check", *names, "--folder", str(folder), "--json", **environment)
    outcomes = {row["exercise"]: row["outcome"] for row in json.loads(process.stdout)}
    assert outcomes == {
        "container.limits": "replaced by a later lesson",
        "orders.recent": "passed",
        "config.report": "not yet",
    }
    assert process.returncode == Exit.NOT_GOOD

    process = cli("check", "orders.recent", "--folder", str(folder / MY_SERVICE), **environment)
    assert (process.returncode, "✓ orders.recent: passed" in process.stdout) == (Exit.GOOD, True)
