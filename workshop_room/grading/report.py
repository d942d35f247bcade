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
    by_lesson = [(name, list(group)) for name, group in groupby(exercises, lambda exercise: exercise.lesson)]
    heads = [(lesson.partition("_")[0], len(group)) for lesson, group in by_lesson]
    width = max((len(_name(graded_submission)) for graded_submission in graded), default=0)
    columns = "  ".join(f"{head:<{count}}" for head, count in heads)
    lines = [f"{'':<{width}}  {'passed':<{PASSED_WIDTH}}  {columns}".rstrip()]
    for graded_submission in graded:
        lines.append(f"{_name(graded_submission):<{width}}  {_marks(graded_submission, heads)}".rstrip())

    lines += ["", LEGEND]
    lines += [line for graded_submission in graded for line in _failures(graded_submission)]
    lines += _not_graded(graded)
    if notebook_only:
        names = ", ".join(notebook_only)
        lines += ["", textwrap.fill(f"Not graded, because they are answered in a notebook: {names}.", WIDTH)]
    return "\n".join(lines)


def _name(graded_submission: GradedSubmission) -> str:
    return graded_submission.submission.shown_name


def _marks(graded_submission: GradedSubmission, heads: Sequence[tuple[str, int]]) -> str:
    if graded_submission.submission.problem:
        return f"{'–':>{PASSED_WIDTH}}  {one_line(graded_submission.submission.problem)}"

    passed_count = sum(grade.passed for grade in graded_submission.grades)
    marks = [MARKS[grade.outcome] for grade in graded_submission.grades]
    groups = []
    for head, count in heads:
        groups.append(f"{''.join(marks[:count]):<{max(count, len(head))}}")
        del marks[:count]

    duplicate_note = ""
    if graded_submission.same_as:
        duplicate_note = f"  same files as {visible(graded_submission.same_as, SHOWN_NAME)}"
    return f"{passed_count:>2} of {len(graded_submission.grades):<2}  {'  '.join(groups)}{duplicate_note}"


def _failures(graded_submission: GradedSubmission) -> Iterator[str]:
    """Yield a paragraph for each grade that needs a word; files that were graded before need none again."""
    if graded_submission.submission.problem or graded_submission.same_as:
        return

    name = _name(graded_submission)
    for grade in graded_submission.grades:
        if grade.outcome in QUIET:
            continue
        text = f"{name}, {grade.exercise}: {grade.outcome}. {one_line(grade.finding)}"
        yield ""
        yield textwrap.fill(text.rstrip(), WIDTH, subsequent_indent="  ", break_long_words=True)


def _not_graded(graded: Sequence[GradedSubmission]) -> Iterator[str]:
    """Yield a paragraph for each exercise that was not graded, and why: it is the same for many."""
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
            row = {**_row(graded_submission, grade), "passed": "yes" if grade.passed else "no"}
            row["recorded"] = "passed" if row["recorded"] else ""
            writer.writerow([_cell(row[column]) for column in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def as_json(graded: Sequence[GradedSubmission], notebook_only: Sequence[str]) -> dict[str, Any]:
    """Return all grades as plain data."""
    submissions = [_submission_data(graded_submission) for graded_submission in graded]
    return {"format": FORMAT, "submissions": submissions, "not_graded": list(notebook_only)}


def _submission_data(graded_submission: GradedSubmission) -> dict[str, Any]:
    submission = graded_submission.submission
    return {
        "name": visible(submission.name),
        "digest": submission.digest,
        "seed": submission.seed,
        "same_as": visible(graded_submission.same_as),
        "problem": one_line(submission.problem),
        "left_out": {visible(path): one_line(why) for path, why in submission.left_out.items()},
        "passed": sum(grade.passed for grade in graded_submission.grades),
        "grades": [_own_values(graded_submission, grade) for grade in graded_submission.grades],
    }


def _own_values(graded_submission: GradedSubmission, grade: Grade) -> dict[str, Any]:
    """Return the values of a grade's row, without those that all grades of its submission share."""
    shared = ("submission", "same_as", "digest")
    return {column: value for column, value in _row(graded_submission, grade).items() if column not in shared}


def _row(graded_submission: GradedSubmission, grade: Grade) -> dict[str, Any]:
    """Return the values of `COLUMNS` for a grade; ``recorded``: its own progress calls the exercise passed."""
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
