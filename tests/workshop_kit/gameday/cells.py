"""Run the region of a lesson's notebook.py that belongs to an exercise, and return what it hands in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt

from workshop_kit.exercises import registry
from workshop_kit.exercises.progress import as_json
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions


def handed_in(identifier: str, names: Mapping[str, Any], side: Callable[[str], str]) -> Any:
    """What the cell of an exercise hands in as it comes (``regions.starter``), or solved (``regions.solved``)."""
    lesson = registry.find(registry.load(CHECKOUT), identifier).lesson
    text = side((CHECKOUT / "solutions" / lesson / "notebook.py").read_text())
    values: list[Any] = []
    task = SimpleNamespace(hand_in=lambda value: values.append(as_json(identifier, value)))
    exec(regions.region_of(text, identifier), {"json": json, "plt": plt, "task": task, **names})
    assert values, "nothing was handed in"
    return values[-1]


starter, solution = (partial(handed_in, side=side) for side in (regions.starter, regions.solved))
