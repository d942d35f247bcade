"""Run the region of a lesson's notebook.py that belongs to an exercise, and return what it hands in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
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
    values: list[Any] = []
    task = SimpleNamespace(hand_in=lambda value: values.append(as_json(identifier, value)))
    exec(regions.region_of(text, identifier), {"json": json, "plt": plt, "task": task, **names})
    assert values, "nothing was handed in"
    return values[-1]
