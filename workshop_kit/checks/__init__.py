"""The checks, a file for each exercise: that of ``container.graceful`` is in ``container_graceful.py``.

A check is imported when it is asked for. `config` and `logging_service` hold what the checks of one module of the
service share, `config_tasks` those of tasks.yaml, `stops` those that stop a container. Files that end in ``_inside``
run in containers and are not imported.
"""

from __future__ import annotations

import importlib

from workshop_kit.trials.check_table import CHECKS, TASK_NUMBERS, Check, TaskNumbers

FILES = {
    "logging.cause": "logging_incident",
    "orders.recent": "orders",
    "gameday.monday": "gameday",
    "gameday.wednesday": "gameday",
    "gameday.thursday": "gameday",
}
"""The files of the exercises that share one, or whose file has another name."""


def check_of(identifier: str) -> Check:
    """Return the check of an exercise."""
    _load(identifier)
    return CHECKS[identifier]


def task_numbers_of(identifier: str) -> TaskNumbers:
    """Return the function that chooses the numbers of an exercise's task from a seed."""
    _load(identifier)
    return TASK_NUMBERS[identifier]


def _load(identifier: str) -> None:
    """Import the file that registers an exercise's check."""
    if identifier not in CHECKS:
        name = FILES.get(identifier, identifier.replace(".", "_"))
        importlib.import_module(f"{__name__}.{name}")
