"""One grade, which is a row of the table, and the file of grades: the next run goes on where one was ended."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from workshop_kit.engine.records import RecordFile
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.untrusted_text import visible

MAX_FINDING = 400
MAX_BYTES = 100_000_000
"""The grades of a class of hundreds, for all weeks."""


class Outcome(StrEnum):
    """The outcome for one exercise: a check's verdict, or why there is none."""

    PASSED = str(Verdict.PASSED)
    NOT_STARTED = str(Verdict.NOT_STARTED)
    NOT_READABLE = str(Verdict.NOT_READABLE)
    DID_NOT_START = str(Verdict.DID_NOT_START)
    WRONG = str(Verdict.WRONG)
    LUCKY = str(Verdict.LUCKY)
    CANNOT_JUDGE = str(Verdict.CANNOT_JUDGE)
    NOT_JUDGED = str(Verdict.NOT_JUDGED)
    NOT_HANDED_IN = "not handed in"
    NOT_GRADED = "not graded"


OPEN = (Outcome.NOT_JUDGED, Outcome.CANNOT_JUDGE)
"""Outcomes that say nothing about the work: the next run judges the exercise again."""


@validated(frozen=True, config=ConfigDict(extra="forbid"))
class Grade:
    """The outcome of one exercise of one submission, known by its ``digest``.

    ``finding`` says what failed, in one or two sentences; ``key`` is its key in exercises/findings. ``exercise`` is
    empty where the submission could not be read at all.
    """

    digest: str
    exercise: str
    outcome: Outcome
    finding: str = ""
    key: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the exercise is done."""
        return self.outcome is Outcome.PASSED

    @classmethod
    def of(cls, digest: str, exercise: str, result: Result, seconds: float) -> Grade:
        """Return the grade for a check's result, with the first finding that failed.

        Control characters in a text from a container are replaced.
        """
        text = ""
        key = ""
        if not result.passed:
            text = result.summary
            failure = next((finding for finding in result.findings if not finding.passed), None)
            if failure is not None:
                text = f"{text} ({failure.called}: {failure.got})"
                key = failure.key

        outcome = Outcome(str(result.verdict))
        return cls(digest, exercise, outcome, one_line(text), key, round(seconds, 1))


def one_line(text: str) -> str:
    """Return a text in one line that can be shown, cut where it is long."""
    return visible(" ".join(text.split()), MAX_FINDING)


class GradeBook:
    """The known grades, in memory and in a file of JSON lines; each is on the disk before the next one is judged."""

    def __init__(self, path: Path) -> None:
        self._file: RecordFile[Grade] = RecordFile(path, Grade, "grade", max_bytes=MAX_BYTES)
        self.grades: dict[tuple[str, str], Grade] = {}
        self.problems: list[str] = []

    def load(self) -> None:
        """Read the file. A line that is no grade is left out. Raises WorkshopError if it cannot be read."""
        grades, self.problems = self._file.read()
        self._keep_in_memory(grades)

    def add(self, grade: Grade) -> None:
        """Keep a grade. Raises WorkshopError if it cannot be written."""
        with self._file.locked():
            self._file.append(grade)
        self._keep_in_memory([grade])

    def find(self, digest: str, exercise: str) -> Grade | None:
        """Return the last grade of an exercise for these files; None without one, or if its outcome is `OPEN`."""
        grade = self.grades.get((digest, exercise))
        if grade is None or grade.outcome in OPEN:
            return None
        return grade

    def _keep_in_memory(self, grades: Iterable[Grade]) -> None:
        for grade in grades:
            self.grades[grade.digest, grade.exercise] = grade
