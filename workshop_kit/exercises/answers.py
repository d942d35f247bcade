"""Read what a notebook's cell has handed in to its check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workshop_kit.exercises.check_api import CheckResult, Context
from workshop_kit.exercises.result import Verdict


def handed_in(context: Context, kind: str) -> tuple[str, Any] | tuple[None, CheckResult]:
    """Return the name of the answer's fixture (``container``, ``incident``) and the value.

    (None, the result of the check) when the notebook's cell has handed in nothing.
    """
    match context.answer:
        case {"subject": {**names}, "value": value} if kind in names:
            return str(names[kind]), value
    lesson, cell = context.exercise.lesson, context.exercise.title
    sentence = f"Nothing has been handed in yet: run the cell of “{cell}” in {lesson}."
    return None, CheckResult(sentence, override=Verdict.NOT_STARTED)


def gone(context: Context, kind: str) -> CheckResult:
    """Return the result for an answer whose fixture does not exist any more."""
    lesson = context.exercise.lesson
    sentence = f"The {kind} that your answer was about is gone: run the exercise's cells in {lesson} again."
    return CheckResult(sentence, override=Verdict.NOT_STARTED)


def part(value: Any, key: str) -> Any:
    """Return one entry of the value; None if there is no such entry."""
    return value.get(key) if isinstance(value, Mapping) else None


def number(value: Any) -> float | None:
    """Return a number; None for anything else, also for true and false."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
