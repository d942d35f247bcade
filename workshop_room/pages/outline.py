"""The outline of a lesson on a track: the goals from its first text, key points and homework from its last."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.workspace import summary


@dataclass(frozen=True)
class Outline:
    """The texts of one lesson, as Markdown in one line each; a goal completes the sentence "Afterwards you can"."""

    lesson: str
    goals: tuple[str, ...] = ()
    key_points: tuple[str, ...] = ()
    homework: str = ""


def load_outline(lesson: str, root: Path, kept: Collection[str]) -> Outline:
    """Return the outline of a lesson of the checkout ``root``, for a track with the cells (ids) ``kept`` of it.

    A lesson without a summary has an empty outline.
    """
    lines = summary.load(root, lesson)
    if lines is None:
        return Outline(lesson)
    return Outline(
        lesson,
        goals=tuple(summary.kept_lines(lines.goals, kept)),
        key_points=tuple(summary.kept_lines(lines.key_points, kept)),
        homework=" ".join(summary.kept_lines(lines.homework, kept)),
    )
