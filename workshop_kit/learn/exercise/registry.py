"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TRACKS = ("90min", "half-day", "full")


@dataclass(frozen=True)
class Exercise:
    """One exercise as its author registered it.

    ``id`` is ``prefix.name`` and never changes (``container.graceful``); ``lesson`` a notebook's name
    (``01_container``); ``task`` what to do, in plain text, a paragraph a line; ``minutes`` to do it and
    ``debrief_minutes`` to talk about it afterwards; ``tracks`` those that it is part of; ``guidelines`` what it serves
    (``factor 9``, ``Process Disposability``); ``hints`` three, the first diagnoses and the last nearly tells.
    ``file`` is what the participant edits, below ``exercises/<lesson>/``; None for an exercise in the notebook, whose
    cell is ``exercise-<id with a dash for the dot>``.
    """

    id: str
    title: str
    lesson: str
    weight: Literal["core", "more"]
    task: str
    minutes: int
    debrief_minutes: int
    tracks: tuple[str, ...]
    guidelines: tuple[str, ...]
    hints: tuple[str, str, str]
    file: str | None = None

    @property
    def cell(self) -> str:
        """The id of the notebook cell that belongs to it: the participant's own, or the panel's."""
        return f"exercise-{self.id.replace('.', '-')}"
