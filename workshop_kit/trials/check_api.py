"""Where a check registers, one function an exercise, and how its findings are judged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workshop_kit.engine import control
from workshop_kit.engine.control import NEXT_STEP, Control
from workshop_kit.errors import NotInTime
from workshop_kit.trials import service
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.check_table import CHECKS, TASK_NUMBERS, TaskNumbers
from workshop_kit.trials.result import BLAMES, Result

Function = Callable[[Any], Any]


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
