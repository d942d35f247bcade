"""Progress as data: long work reports steps, and whoever called it draws them (terminal, notebook, nowhere)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One moment of a long task.

    ``fraction`` runs from 0.0 to 1.0, or is None while nobody can know; ``detail`` is the last line the work said.
    """

    task: str
    fraction: float | None = None
    detail: str = ""
    done: bool = False


Report = Callable[[Step], None]


def silent(_: Step) -> None:
    """Report to nobody."""
