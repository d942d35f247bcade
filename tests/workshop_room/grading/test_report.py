"""The table, CSV and JSON show what strangers wrote without control characters, formulas or broken lines."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace import registry
from workshop_room.grading import report
from workshop_room.grading.grade import Grade, Outcome
from workshop_room.grading.grader import GradedSubmission
from workshop_room.grading.submission import Submission

NASTY = "=cmd|' /C calc'!A0\x1b[31m\x1b]0;title\x07\u202e\nsecond line"
EXERCISES = [
    exercise
    for exercise in registry.load(CHECKOUT)
    if exercise.id in ("container.limits", "config.env", "config.report")
]
ANN = Submission("ann", {"my_service/config.py": b"a"}, seed=7, recorded=frozenset({"config.env"}))


def grades(digest: str, *outcomes: Outcome, finding: str = "") -> tuple[Grade, ...]:
    """A grade for each of the exercises."""
    names = [exercise.id for exercise in EXERCISES]
    return tuple(Grade(digest, name, outcome, finding) for name, outcome in zip(names, outcomes, strict=True))


GRADED = [
    GradedSubmission(ANN, grades(ANN.digest, Outcome.PASSED, Outcome.WRONG, Outcome.NOT_STARTED, finding="It leaks.")),
    GradedSubmission(
        Submission("eve", problem="It is a link."), (Grade("d", "", Outcome.NOT_READABLE, "It is a link."),)
    ),
]


def test_the_table_has_a_line_for_each_and_a_word_for_what_failed() -> None:
    """Marks stand below the number of their lesson; what passed or was not started needs no word."""
    text = report.as_text(GRADED, EXERCISES, ["logging.parse"])
    lines = text.splitlines()
    assert lines[0].split() == ["passed", "01", "02"]
    assert lines[1].split() == ["ann", "1", "of", "3", "✓", "✗○"]
    assert lines[2].split(maxsplit=2) == ["eve", "–", "It is a link."]
    assert "ann, config.env: started, but wrong. It leaks." in lines
    assert "config.report" not in text
    assert "logging.parse" in text
    assert lines[1].index("✓") == lines[0].index("01")


def test_why_something_is_not_graded_is_said_once() -> None:
    """It is the same for the whole class."""
    reason = "It needs the service as lesson 01 leaves it."
    ben = Submission("ben", {"my_service/config.py": b"b"}, seed=7)
    graded = []
    for submission in (ANN, ben):
        first = Grade(submission.digest, "container.limits", Outcome.NOT_GRADED, reason)
        other_grades = grades(submission.digest, Outcome.PASSED, Outcome.PASSED, Outcome.PASSED)[1:]
        graded.append(GradedSubmission(submission, (first, *other_grades)))
    text = report.as_text(graded, EXERCISES, [])
    assert f"container.limits: not graded for 2 of 2. {reason}" in text.splitlines()
    assert text.count(reason) == 1


def test_every_outcome_has_a_mark() -> None:
    """Marks differ in shape."""
    assert set(report.MARKS) == set(Outcome)


@pytest.mark.parametrize("place", ["name", "finding", "problem", "same_as"])
def test_no_text_of_theirs_moves_the_cursor_or_begins_a_formula(place: str) -> None:
    """Table, CSV and JSON are plain, wherever the text stands; the CSV keeps its number of lines and columns."""
    submission = replace(ANN, name=NASTY) if place == "name" else ANN
    finding = NASTY if place == "finding" else ""
    marked = grades(ANN.digest, Outcome.PASSED, Outcome.WRONG, Outcome.WRONG, finding=finding)
    if place == "problem":
        submission = Submission("eve", problem=NASTY)
        marked = (Grade("d", "", Outcome.NOT_READABLE, NASTY),)
    graded = [GradedSubmission(submission, marked, NASTY if place == "same_as" else "")]

    table = report.as_text(graded, EXERCISES, [])
    text = report.as_csv(graded)
    document = json.dumps(report.as_json(graded, []), ensure_ascii=False)
    for shown in (table, text, document):
        assert "calc" in shown
        assert not set("\x1b\x07\u202e\r") & set(shown)
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 + len(marked)
    assert {len(row) for row in rows} == {len(report.COLUMNS)}
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell.startswith(report.FORMULA)] == []


def test_csv_and_json_say_the_same() -> None:
    """Each grade is a row; what the own progress calls passed is a column of its own."""
    rows = list(csv.DictReader(io.StringIO(report.as_csv(GRADED))))
    assert [(row["submission"], row["exercise"], row["outcome"], row["passed"], row["recorded"]) for row in rows] == [
        ("ann", "container.limits", "passed", "yes", ""),
        ("ann", "config.env", "started, but wrong", "no", "passed"),
        ("ann", "config.report", "not started", "no", ""),
        ("eve", "", "not readable", "no", ""),
    ]
    document = json.loads(json.dumps(report.as_json(GRADED, ["logging.parse"])))
    assert document["not_graded"] == ["logging.parse"]
    ann, eve = document["submissions"]
    assert (ann["passed"], ann["seed"], eve["problem"]) == (1, 7, "It is a link.")
    assert [grade["outcome"] for grade in ann["grades"]] == [row["outcome"] for row in rows[:3]]


def test_a_grade_has_the_finding_that_failed_first() -> None:
    """Its key, what was done and what came back; a text of a container is one plain line, and not endless."""
    findings = (
        Finding(True, "GET /livez", "200", "200"),
        Finding(False, "GET /readyz", f"{NASTY}{'x' * 9_000}", "503", "It says it is ready.", key="a.b"),
    )
    grade = Grade.of("digest", "config.env", Result(Verdict.WRONG, "It says it is ready.", findings), 1.23)
    assert grade.finding.startswith("It says it is ready. (GET /readyz: ")
    assert (grade.key, grade.seconds) == ("a.b", 1.2)
    assert grade.finding.isprintable()
    assert len(grade.finding) < 1_000
    assert Grade.of("digest", "config.env", Result(Verdict.PASSED, "Shown.", findings[:1]), 1).finding == ""
