"""What a check is given, what ends it early, and where it registers: one function an exercise."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from docker.errors import NotFound

from workshop_kit.engine import control
from workshop_kit.engine.control import NEXT_STEP, Control
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.patience import Waits
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace.registry import Exercise

BLAMES = (Verdict.WRONG, Verdict.DID_NOT_START)
"""The verdicts for which a slow machine may be the reason."""


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


Check = Callable[[Context], Result]
Function = Callable[[Any], Any]
TaskNumbers = Callable[[int], dict[str, Any]]
CHECKS: dict[str, Check] = {}
TASK_NUMBERS: dict[str, TaskNumbers] = {}
"""The numbers that an exercise's task names, from the seed: for ``task.format(**TASK_NUMBERS[identifier](seed))``."""


def _no_numbers(_seed: int) -> dict[str, Any]:
    """Return the numbers of a task that names none."""
    return {}


def check(identifier: str, task_numbers: TaskNumbers = _no_numbers) -> Callable[[Function], Function]:
    """Register the function below as the check of an exercise: ``@check("container.graceful")``.

    It gets a `Service`, and says by `expect` what it finds. Its docstring is the summary of a right answer.
    """

    def register(function: Function) -> Function:
        CHECKS[identifier] = partial(judge, function)
        TASK_NUMBERS[identifier] = task_numbers
        return function

    return register


def judge(function: Function, context: Context) -> Result:
    """Return what a check found. It is not judged if a wait ended by its limit and the control was slow, too.

    Raises NotInTime if the engine was late and the control was quick.
    """
    from workshop_kit.trials import service  # which imports this module

    session = context.stack.session
    try:
        result = service.judge(function, context)
    except NotInTime as error:
        measured = control.measure(session)
        if not measured.is_slow:
            raise
        return not_judged(error.what.rstrip("."), measured)

    wait = context.waits.longest
    if wait is None or result.verdict not in BLAMES:
        return result

    measured = control.measure(session)
    return not_judged(str(wait), measured) if measured.is_slow else result


def not_judged(waited: str, measured: Control) -> Result:
    """Return the result of a check whose machine was too slow to judge; ``waited`` says for what, and how long."""
    wait_sentence = f"{waited[:1].upper()}{waited[1:]}."
    return Result.not_judged(f"{wait_sentence} {measured} That says nothing of your code. {NEXT_STEP}")
