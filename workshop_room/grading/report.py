"""Grades as a table for a terminal, as CSV with one line for each grade, and as JSON. All texts come from strangers."""

from __future__ import annotations

import csv
import io
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from workshop_kit.untrusted_text import visible
from workshop_kit.workspace.registry import Exercise
from workshop_room.grading.grade import Grade, Outcome, one_line
from workshop_room.grading.grader import GradedSubmission
from workshop_room.grading.submission import SHOWN_NAME

FORMAT = "container-design-workshop grades 1"
COLUMNS = (
    "submission", "exercise", "outcome", "passed", "finding", "key", "seconds", "recorded", "same_as", "digest",
)  # fmt: skip
MARKS = {
    Outcome.PASSED: "✓",
    Outcome.NOT_STARTED: "○",
    Outcome.NOT_READABLE: "✗",
    Outcome.DID_NOT_START: "✗",
    Outcome.WRONG: "✗",
    Outcome.LUCKY: "≈",
    Outcome.CANNOT_JUDGE: "?",
    Outcome.NOT_JUDGED: "…",
    Outcome.NOT_HANDED_IN: "–",
    Outcome.NOT_GRADED: "–",
}
LEGEND = (
    "✓ passed  ✗ failed  ≈ right for the wrong reason  ○ not started  – not handed in, or not graded\n"
    "… not judged  ? cannot be judged on this engine"
)
QUIET = (Outcome.PASSED, Outcome.NOT_STARTED, Outcome.NOT_HANDED_IN, Outcome.NOT_GRADED)
"""Outcomes that need no line of their own below the table."""
PASSED_WIDTH = len("10 of 20")
WIDTH = 88
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""


def as_text(graded: Sequence[GradedSubmission], exercises: Sequence[Exercise], notebook_only: Sequence[str]) -> str:
    """Return the table: a line for each submission with a mark for each exercise, then what failed."""
    columns = _lesson_columns(exercises)
    heads = "  ".join(f"{number:<{mark_count}}" for number, mark_count in columns)
    name_lengths = [len(_shown_name(graded_submission)) for graded_submission in graded]
    name_width = max(name_lengths, default=0)
    lines = [f"{'':<{name_width}}  {'passed':<{PASSED_WIDTH}}  {heads}".rstrip()]
    for graded_submission in graded:
        name = _shown_name(graded_submission)
        result = _result_text(graded_submission, columns)
        lines.append(f"{name:<{name_width}}  {result}".rstrip())
    lines += ["", LEGEND]

    for graded_submission in graded:
        lines += _failure_lines(graded_submission)
    lines += _not_graded_lines(graded)
    if notebook_only:
        names = ", ".join(notebook_only)
        lines += ["", textwrap.fill(f"Not graded, because they are answered in a notebook: {names}.", WIDTH)]
    return "\n".join(lines)


def _lesson_columns(exercises: Sequence[Exercise]) -> list[tuple[str, int]]:
    """Return the number of each lesson and how many of the exercises it has, in the order of the exercises."""
    columns = []
    for lesson, lesson_exercises in groupby(exercises, lambda exercise: exercise.lesson):
        number, _, _ = lesson.partition("_")
        columns.append((number, len(list(lesson_exercises))))
    return columns


def _shown_name(graded_submission: GradedSubmission) -> str:
    return graded_submission.submission.shown_name


def _result_text(graded_submission: GradedSubmission, columns: Sequence[tuple[str, int]]) -> str:
    """Return a line of the table without its name: how many passed, and the marks in the columns of their lessons.

    For a submission with a problem it has the problem instead.
    """
    if graded_submission.submission.problem:
        return f"{'–':>{PASSED_WIDTH}}  {one_line(graded_submission.submission.problem)}"

    passed_count = _count_passed(graded_submission)
    marks = "".join(MARKS[grade.outcome] for grade in graded_submission.grades)
    groups = []
    position = 0
    for number, count in columns:
        column_width = max(count, len(number))
        lesson_marks = marks[position : position + count]
        groups.append(f"{lesson_marks:<{column_width}}")
        position += count

    duplicate_note = ""
    if graded_submission.same_as:
        duplicate_note = f"  same files as {visible(graded_submission.same_as, SHOWN_NAME)}"
    return f"{passed_count:>2} of {len(graded_submission.grades):<2}  {'  '.join(groups)}{duplicate_note}"


def _failure_lines(graded_submission: GradedSubmission) -> Iterator[str]:
    """Yield an empty line and a paragraph for each grade whose outcome is not in `QUIET`.

    Yields nothing for a submission with a problem, which is in the table, and for files that were graded before.
    """
    if graded_submission.submission.problem or graded_submission.same_as:
        return

    name = _shown_name(graded_submission)
    for grade in graded_submission.grades:
        if grade.outcome in QUIET:
            continue
        text = f"{name}, {grade.exercise}: {grade.outcome}. {one_line(grade.finding)}"
        yield ""
        yield textwrap.fill(text.rstrip(), WIDTH, subsequent_indent="  ", break_long_words=True)


def _not_graded_lines(graded: Sequence[GradedSubmission]) -> Iterator[str]:
    """Yield an empty line and a paragraph for each exercise and each reason for which it was not graded."""
    grades = [grade for graded_submission in graded for grade in graded_submission.grades]
    reasons = Counter((grade.exercise, grade.finding) for grade in grades if grade.outcome is Outcome.NOT_GRADED)
    for (exercise, finding), count in reasons.items():
        text = f"{exercise}: not graded for {count} of {len(graded)}. {one_line(finding)}"
        yield ""
        yield textwrap.fill(text, WIDTH, subsequent_indent="  ")


def as_csv(graded: Sequence[GradedSubmission]) -> str:
    """Return one line for each grade; no cell begins as a formula does."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for graded_submission in graded:
        for grade in graded_submission.grades:
            row = _row_values(graded_submission, grade)
            row["passed"] = "yes" if row["passed"] else "no"
            row["recorded"] = "passed" if row["recorded"] else ""
            writer.writerow([_safe_cell(row[column]) for column in COLUMNS])
    return text.getvalue()


def _safe_cell(value: Any) -> str:
    """Return a value as text; an apostrophe stands before one that a spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def as_json(graded: Sequence[GradedSubmission], notebook_only: Sequence[str]) -> dict[str, Any]:
    """Return all grades as plain data."""
    submissions = [_submission_data(graded_submission) for graded_submission in graded]
    return {"format": FORMAT, "submissions": submissions, "not_graded": list(notebook_only)}


def _count_passed(graded_submission: GradedSubmission) -> int:
    return len([grade for grade in graded_submission.grades if grade.passed])


def _submission_data(graded_submission: GradedSubmission) -> dict[str, Any]:
    """Return a submission and its grades as plain data; texts of the submission are made visible."""
    submission = graded_submission.submission
    return {
        "name": visible(submission.name),
        "digest": submission.digest,
        "seed": submission.seed,
        "same_as": visible(graded_submission.same_as),
        "problem": one_line(submission.problem),
        "left_out": {visible(path): one_line(why) for path, why in submission.left_out.items()},
        "passed": _count_passed(graded_submission),
        "grades": [_grade_data(graded_submission, grade) for grade in graded_submission.grades],
    }


def _grade_data(graded_submission: GradedSubmission, grade: Grade) -> dict[str, Any]:
    """Return the values of a grade's row, without those that all grades of its submission share."""
    shared_columns = ("submission", "same_as", "digest")
    row = _row_values(graded_submission, grade)
    return {column: value for column, value in row.items() if column not in shared_columns}


def _row_values(graded_submission: GradedSubmission, grade: Grade) -> dict[str, Any]:
    """Return the values of `COLUMNS` for a grade.

    ``recorded`` says whether the progress file of the submission calls the exercise passed.
    """
    return {
        "submission": visible(graded_submission.submission.name),
        "exercise": grade.exercise,
        "outcome": str(grade.outcome),
        "passed": grade.passed,
        "finding": one_line(grade.finding),
        "key": visible(grade.key),
        "seconds": grade.seconds,
        "recorded": grade.exercise in graded_submission.submission.recorded,
        "same_as": visible(graded_submission.same_as),
        "digest": grade.digest,
    }
