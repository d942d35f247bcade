"""Run the region of a lesson's notebook.py that belongs to an exercise, and return what it hands in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt

from workshop_kit.exercises import registry
from workshop_kit.exercises.progress import as_json
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions


def starter(identifier: str, names: Mapping[str, Any]) -> Any:
    """What the cell hands in as it comes."""
    return _handed_in(regions.starter(_marked(identifier)), identifier, names)


def solution(identifier: str, names: Mapping[str, Any]) -> Any:
    """What the reference hands in."""
    return _handed_in(regions.solved(_marked(identifier)), identifier, names)


def _marked(identifier: str) -> str:
    lesson = registry.find(registry.load(CHECKOUT), identifier).lesson
    return (CHECKOUT / "solutions" / lesson / "notebook.py").read_text()


def _handed_in(text: str, identifier: str, names: Mapping[str, Any]) -> Any:
    task = _Task(identifier)
    told = {"json": json, "plt": plt, "task": task, **names}
    exec(regions.region_of(text, identifier), told)
    assert task.values, "nothing was handed in"
    return task.values[-1]


class _Task:
    """A task that keeps what a cell hands in."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self.values: list[Any] = []

    def hand_in(self, value: Any) -> None:
        """Keep it as JSON would."""
        self.values.append(as_json(self.identifier, value))
