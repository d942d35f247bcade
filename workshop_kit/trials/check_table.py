"""The checks that are registered, by the id of their exercise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workshop_kit.trials.check_context import Context
from workshop_kit.trials.result import Result

Check = Callable[[Context], Result]
TaskNumbers = Callable[[int], dict[str, Any]]
CHECKS: dict[str, Check] = {}
TASK_NUMBERS: dict[str, TaskNumbers] = {}
"""The numbers that an exercise's task names, from the seed: for ``task.format(**TASK_NUMBERS[identifier](seed))``."""
