"""``./workshop grade`` without an engine: what is wrong is said at once, and the judge gets what was named."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from filelock import FileLock

from tests.workshop_room.grading.conftest import HandIn
from workshop_kit.errors import Exit, WorkshopError, WrongUsage
from workshop_room.commands import grading
from workshop_room.grading import build_cgroup, process_judge
from workshop_room.grading.grade import Grade, Outcome
from workshop_room.grading.submission import Submission

Asked = list[tuple[str, tuple[str, ...]]]


@pytest.fixture
def fake_engine() -> Any:
    """An engine that nobody asks for anything."""
    return SimpleNamespace(dialect=SimpleNamespace(has_buildkit=True))


@pytest.fixture
def grades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_engine: Any) -> Callable[..., Asked]:
    """Run the command with a judge that gives one outcome to all; return what it was asked."""
    asked: Asked = []

    @contextlib.contextmanager
    def build_options(_engine: object, _say: object) -> Iterator[tuple[str, ...]]:
        yield ()

    monkeypatch.setattr(grading, "GRADES", tmp_path / "grade")
    monkeypatch.setattr(grading, "_require_engine", lambda: fake_engine)
    monkeypatch.setattr(build_cgroup, "build_options", build_options)

    def run(*paths: Path, outcome: Outcome = Outcome.PASSED, **options: Any) -> Asked:
        class Judge:
            def __init__(self, *_: object) -> None:
                pass

            def __call__(self, submission: Submission, names: Sequence[str], _report: object) -> Iterator[Grade]:
                asked.append((submission.name, tuple(names)))
                yield from (Grade(submission.digest, name, outcome) for name in names)

        monkeypatch.setattr(process_judge, "ProcessJudge", Judge)
        asked.clear()
        usual: dict[str, Any] = {"only": None, "track": "full", "seed": None, "csv": None, "as_json": False}
        usual["results"] = tmp_path / "results.jsonl"
        grading.grade(list(paths), **{**usual, **options})
        return list(asked)

    return run


def test_a_second_run_judges_nothing_again(
    hand_in: HandIn, grades: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is the same."""
    folder = hand_in("ann")
    [(name, exercises)] = grades(folder)
    first = capsys.readouterr().out
    assert (name, grades(folder)) == ("ann", [])
    assert capsys.readouterr().out == first
    assert f"{len(exercises)} of {len(exercises)}" in first
    assert "logging.parse" in first


def test_only_names_lessons_and_exercises(hand_in: HandIn, grades: Callable[..., Asked]) -> None:
    """A lesson by its number has all of its exercises; a beginning of an exercise's name is enough."""
    [(_, exercises)] = grades(hand_in("ann"), only=["01", "orders"])
    assert exercises == ("container.dockerfile", "container.limits", "container.graceful", "orders.recent")
    with pytest.raises(WrongUsage, match=r"no exercise 'logging\.parse'"):
        grades(hand_in("ben"), only=["logging.parse"])


def test_csv_and_json(
    hand_in: HandIn, grades: Callable[..., Asked], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file has a line for each exercise, and stdout is one document."""
    file = tmp_path / "table.csv"
    [(_, exercises)] = grades(hand_in("ann"), csv=file, as_json=True, track="90min")
    document = json.loads(capsys.readouterr().out)
    with file.open() as table:
        rows = list(csv.DictReader(table))
    assert [row["exercise"] for row in rows] == list(exercises)
    assert [submission["name"] for submission in document["submissions"]] == ["ann"]


def test_what_was_not_judged_ends_with_an_exit_code(hand_in: HandIn, grades: Callable[..., Asked]) -> None:
    """A failed exercise does not: the table was asked for."""
    grades(hand_in("ann"), outcome=Outcome.WRONG)
    with pytest.raises(typer.Exit) as ended:
        grades(hand_in("ben", {"new.py": ""}), outcome=Outcome.NOT_JUDGED)
    assert ended.value.exit_code == Exit.NOT_READY


def test_an_engine_that_may_not_close_networks_is_said(
    hand_in: HandIn, grades: Callable[..., Asked], fake_engine: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Podman, which nobody tried with the option of Docker."""
    folder = hand_in("ann")
    grades(folder)
    assert grading.OPEN_NETWORK not in capsys.readouterr().err
    fake_engine.dialect.has_buildkit = False
    grades(folder)
    assert grading.OPEN_NETWORK in capsys.readouterr().err


def test_mistakes_are_said_before_anything_runs(hand_in: HandIn, grades: Callable[..., Asked], tmp_path: Path) -> None:
    """A folder in place of the CSV file, a path that is not there, a second run beside this one."""
    folder = hand_in("ann")
    with pytest.raises(WrongUsage, match="cannot be written"):
        grades(folder, csv=tmp_path)
    with pytest.raises(WrongUsage, match="cannot be written"):
        grades(folder, results=tmp_path / "nobody" / "results.jsonl")
    with pytest.raises(WrongUsage, match="There is no"):
        grades(tmp_path / "nobody")
    (tmp_path / "grade").mkdir(exist_ok=True)
    with FileLock(tmp_path / "grade" / ".lock"), pytest.raises(WorkshopError, match="is running"):
        grades(folder)
