"""Progress of long work as data: the work reports steps, and its caller shows them in a terminal or notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One moment of a long task.

    ``fraction`` runs from 0.0 to 1.0, or is None while unknown; ``detail`` is the last line that the task reported.
    """

    task: str
    fraction: float | None = None
    detail: str = ""
    done: bool = False


Report = Callable[[Step], None]


def silent(_: Step) -> None:
    """Ignore the step."""
