"""What a notebook's cell has handed in, as a check takes it apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.result import Verdict


def handed_in(context: Context, kind: str) -> tuple[str, Any] | tuple[None, CheckResult]:
    """The name of what the answer is about (``container``, ``incident``) and the value.

    (None, what to say) when the notebook's cell has handed in nothing.
    """
    match context.answer:
        case {"subject": {**names}, "value": value} if kind in names:
            return str(names[kind]), value
    lesson, cell = context.exercise.lesson, context.exercise.title
    sentence = f"Nothing has been handed in yet: run the cell of “{cell}” in {lesson}."
    return None, CheckResult(sentence, override=Verdict.NOT_STARTED)


def gone(context: Context, kind: str) -> CheckResult:
    """What to say when the thing itself is not there any more."""
    lesson = context.exercise.lesson
    sentence = f"The {kind} that your answer was about is gone: run the exercise's cells in {lesson} again."
    return CheckResult(sentence, override=Verdict.NOT_STARTED)


def part(value: Any, key: str) -> Any:
    """One entry of what was handed in; None if there is no such entry."""
    return value.get(key) if isinstance(value, Mapping) else None
