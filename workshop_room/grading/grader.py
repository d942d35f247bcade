"""Grade submissions one after the other: known grades stay, and a submission that fails changes no other's grades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.registry import Exercise
from workshop_room.grading.grade import Grade, GradeBook, Outcome
from workshop_room.grading.submission import Submission


class Judge(Protocol):
    """Judges exercises of a submission, and yields a grade for each as soon as it is known."""

    def __call__(self, submission: Submission, exercises: Sequence[str], report: Report) -> Iterator[Grade]:
        """Yield one grade for each of the exercises, in their order."""


@dataclass(frozen=True)
class GradedSubmission:
    """A submission with its grades; ``same_as`` names an earlier one with the same files."""

    submission: Submission
    grades: tuple[Grade, ...]
    same_as: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a grade is missing that another run may give."""
        return any(grade.outcome is Outcome.NOT_JUDGED for grade in self.grades)


def gradable(exercises: Sequence[Exercise]) -> list[Exercise]:
    """Return the exercises whose check reads a file or builds the service: all but those in notebooks."""
    return [exercise for exercise in exercises if exercise.file is not None]


def grade_all(
    submissions: Sequence[Submission],
    exercises: Sequence[str],
    book: GradeBook,
    judge: Judge,
    report: Report = silent,
) -> Iterator[GradedSubmission]:
    """Yield each submission with its grades. Each new grade is added to ``book``; what has a grade there is not judged.

    A submission with a problem has one grade, which names the problem.
    """
    earliest_names: dict[str, str] = {}
    for number, submission in enumerate(submissions):
        fraction = number / len(submissions)
        report(Step("Grade", fraction, f"{submission.shown_name} ({number + 1} of {len(submissions)})"))
        if submission.problem:
            grade_of_problem = Grade(submission.digest, "", Outcome.NOT_READABLE, submission.problem)
            yield GradedSubmission(submission, (grade_of_problem,))
            continue

        missing_exercises = [name for name in exercises if book.find(submission.digest, name) is None]
        if missing_exercises:
            for grade in judge(submission, missing_exercises, report):
                book.add(grade)

        grades = tuple(book.grades[submission.digest, name] for name in exercises)
        earliest_name = earliest_names.setdefault(submission.digest, submission.name)
        same_as = ""
        if earliest_name != submission.name:
            same_as = earliest_name
        yield GradedSubmission(submission, grades, same_as)

    report(Step("Grade", 1.0, f"{len(submissions)} submissions", done=True))
