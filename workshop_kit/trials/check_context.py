"""What a check is given, and what ends it early."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from docker.errors import NotFound

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.patience import Waits
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials.result import Result
from workshop_kit.workspace.exercise_list import Exercise


@dataclass(frozen=True)
class Context:
    """What a check may look at.

    ``text`` is that of the exercise's file outside of the service. ``folder`` is a copy of ``my_service/`` as it is.
    Once ``superseded`` is set, a newer check of the exercise has begun and this one ends. ``waits``
    are those that ended by their limit. ``tools`` is the participant's tools.py. ``seed`` is the participant's, or one
    for a table. ``answer`` is what a notebook's cell handed over.
    """

    exercise: Exercise
    stack: Stack
    seed: int
    text: str = ""
    answer: Any = None
    report: Report = silent
    folder: Path = Path()
    superseded: threading.Event = field(default_factory=threading.Event)
    waits: Waits = field(default_factory=Waits)
    tools: Path = Path("tools.py")

    def report_step(self, what: str) -> None:
        """Report what the check does now."""
        self.report(Step("Check", None, what))


class CheckEnded(Exception):
    """Raised where a check cannot go on, with its ``result``: the service does not start, no answer was handed in."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.summary)
        self.result = result


class FixtureGone(WorkshopError):
    """What an answer is about (an incident, its container) does not exist any more."""


@contextlib.contextmanager
def fixture_answer(context: Context, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of the fixture that the notebook's answer is about (``container``, ``incident``), and the value.

    Raises CheckEnded if nothing was handed in, or if the block finds that the fixture does not exist any more.
    """
    lesson = context.exercise.lesson
    names_by_kind = entry_of(context.answer, "fixture")
    name = entry_of(names_by_kind, kind)
    if name is None:
        title = context.exercise.title
        sentence = f"Nothing has been handed in yet: run the cell of “{title}” in {lesson}."
        raise CheckEnded(Result.not_started(sentence))

    try:
        yield str(name), entry_of(context.answer, "value")
    except (NotFound, FixtureGone):
        sentence = f"The {kind} that your answer was about is gone: run the exercise's cells in {lesson} again."
        raise CheckEnded(Result.not_started(sentence)) from None


def entry_of(value: Any, key: str) -> Any:
    """Return one entry of a value from outside; None if there is no such entry."""
    return value.get(key) if isinstance(value, Mapping) else None


def seeded_random(identifier: str, seed: int) -> Random:
    """Return the source of an exercise's random values: the same for the same seed."""
    return Random(f"{identifier} {seed}")  # noqa: S311 - no secret
