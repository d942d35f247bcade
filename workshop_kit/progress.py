"""Progress as data: long work reports steps; its caller draws them in a terminal, a notebook or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One moment of a long task.

    ``fraction`` runs from 0.0 to 1.0, or is None where it is unknown; ``detail`` is the work's last line.
    """

    task: str
    fraction: float | None = None
    detail: str = ""
    done: bool = False


Report = Callable[[Step], None]


def silent(_: Step) -> None:
    """Report nothing."""
