"""Read what a notebook's cell has handed in to its check."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from docker.errors import NotFound

from workshop_kit.exercises.check_api import CheckEnded, CheckResult, Context
from workshop_kit.exercises.incidents import IncidentGone
from workshop_kit.exercises.result import Verdict


@contextlib.contextmanager
def handed_in(context: Context, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of the answer's fixture (``container``, ``incident``), and the value.

    Raises CheckEnded if nothing was handed in, or if the block finds that the fixture does not exist any more.
    """
    match context.answer:
        case {"subject": {**names}, "value": value} if kind in names:
            name = str(names[kind])
        case _:
            lesson, cell = context.exercise.lesson, context.exercise.title
            raise _not_started(f"Nothing has been handed in yet: run the cell of “{cell}” in {lesson}.")
    try:
        yield name, value
    except (NotFound, IncidentGone):
        sentence = f"The {kind} that your answer was about is gone: run the exercise's cells in "
        raise _not_started(f"{sentence}{context.exercise.lesson} again.") from None


def _not_started(sentence: str) -> CheckEnded:
    return CheckEnded(CheckResult(sentence, override=Verdict.NOT_STARTED))


def part(value: Any, key: str) -> Any:
    """Return one entry of the value; None if there is no such entry."""
    return value.get(key) if isinstance(value, Mapping) else None


def number(value: Any) -> float | None:
    """Return a number; None for anything else, also for true and false."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
