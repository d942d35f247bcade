"""Grading goes on where it ended, judges the same files once, and gives each submission its own rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step
from workshop_kit.workspace import registry
from workshop_room.grading.grade import Grade, GradeBook, Outcome
from workshop_room.grading.grader import GradedSubmission, gradable, grade_all
from workshop_room.grading.submission import Submission

NAMES = ["config.env", "config.report"]
ANN = Submission("ann", {"my_service/config.py": b"a"}, seed=7)
BEN = Submission("ben", {"my_service/config.py": b"b"}, seed=7)
COPY = Submission("copy", ANN.files, seed=7)
EVE = Submission("eve", problem="It is a link.")


class FakeJudge:
    """Judges by a table, everything else as passed, and notes what it was asked; it can be cut off."""

    def __init__(self, table: dict[tuple[str, str], Outcome] | None = None, ends_after: int = 1_000) -> None:
        self.table = table or {}
        self.asked: list[tuple[str, str]] = []
        self.ends_after = ends_after

    def __call__(self, submission: Submission, exercises: Sequence[str], report: Report) -> Iterator[Grade]:
        """Yield a grade for each exercise, until it is cut off."""
        del report
        for name in exercises:
            if len(self.asked) == self.ends_after:
                raise KeyboardInterrupt
            self.asked.append((submission.name, name))
            yield Grade(submission.digest, name, self.table.get((submission.name, name), Outcome.PASSED))


def run(book: Path, judge: FakeJudge, *submissions: Submission) -> list[GradedSubmission]:
    """Grade with a book that is read from its file."""
    grades = GradeBook(book)
    grades.load()
    return list(grade_all(submissions, NAMES, grades, judge))


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Each grade is on the disk before the next one is judged: what was known is not judged again."""
    book = tmp_path / "results.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(book, FakeJudge(ends_after=3), ANN, BEN)
    judge = FakeJudge()
    graded = run(book, judge, ANN, BEN)
    assert judge.asked == [("ben", "config.report")]
    assert len(graded) == 2
    for submission in graded:
        assert [grade.exercise for grade in submission.grades] == NAMES


def test_a_torn_line_costs_that_grade(tmp_path: Path) -> None:
    """A power cut leaves half a line: it is judged again, and the others stay."""
    book = tmp_path / "results.jsonl"
    run(book, FakeJudge(), ANN)
    book.write_bytes(book.read_bytes()[:-20])
    judge = FakeJudge()
    run(book, judge, ANN)
    assert judge.asked == [("ann", "config.report")]


def test_what_was_not_judged_is_judged_by_the_next_run(tmp_path: Path) -> None:
    """An open grade says nothing of the work; one that failed does, and stays."""
    book = tmp_path / "results.jsonl"
    table = {("ann", "config.env"): Outcome.NOT_JUDGED, ("ann", "config.report"): Outcome.WRONG}
    [first] = run(book, FakeJudge(table), ANN)
    assert first.is_open
    judge = FakeJudge()
    [second] = run(book, judge, ANN)
    assert judge.asked == [("ann", "config.env")]
    assert [grade.outcome for grade in second.grades] == [Outcome.PASSED, Outcome.WRONG]
    assert not second.is_open


def test_the_same_files_are_judged_once(tmp_path: Path) -> None:
    """The second one has the grades of the first, and says whose files they are."""
    judge = FakeJudge({("ann", "config.env"): Outcome.WRONG})
    graded = run(tmp_path / "results.jsonl", judge, ANN, BEN, COPY)
    assert {name for name, _ in judge.asked} == {"ann", "ben"}
    assert graded[2].grades == graded[0].grades
    assert [submission.same_as for submission in graded] == ["", "", "ann"]


def test_what_cannot_be_read_costs_one_row(tmp_path: Path) -> None:
    """The judge is not asked, and the others are graded."""
    judge = FakeJudge()
    graded = run(tmp_path / "results.jsonl", judge, EVE, ANN)
    [row] = graded[0].grades
    assert (row.exercise, row.outcome, row.finding) == ("", Outcome.NOT_READABLE, "It is a link.")
    assert len(judge.asked) == len(NAMES)


def test_the_progress_shows_no_terminal_codes(tmp_path: Path) -> None:
    """A folder may have any name."""
    steps: list[Step] = []
    book = GradeBook(tmp_path / "results.jsonl")
    mallory = Submission("\x1b[2J\n" + "m" * 100, ANN.files, seed=7)
    list(grade_all([mallory], NAMES, book, FakeJudge(), steps.append))
    assert steps[0].detail.isprintable()
    assert len(steps[0].detail) < 60


def test_answers_in_notebooks_are_not_graded() -> None:
    """Nor is a game day: their values are what a cell handed in."""
    exercises = registry.load(CHECKOUT)
    left_out = {exercise.id for exercise in exercises} - {exercise.id for exercise in gradable(exercises)}
    assert {"logging.parse", "logging.cause", "gameday.monday"} <= left_out
    assert not any(exercise.in_service for exercise in exercises if exercise.id in left_out)
