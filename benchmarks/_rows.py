"""Rows of a benchmark: the work, its cost, what it is compared with, and the number of runs."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A measured value, in seconds unless ``unit`` names another unit.

    ``work`` is what was measured, ``ours`` the value, ``theirs`` that of what it is compared with, which ``beside``
    names. ``aim`` is the project's goal, in words. ``taken`` names the statistic of the runs, usually their median.
    """

    work: str
    ours: float
    runs: int
    aim: str = ""
    beside: str = ""
    theirs: float | None = None
    taken: str = "median"
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """Our value divided by theirs; None without a comparison."""
        if not self.theirs:
            return None
        return self.ours / self.theirs


def median_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median wall times of two pieces of work that run in turn (A B A B …), after a warm-up."""
    our_seconds = []
    their_seconds = []
    for _ in range(runs + 1):
        our_seconds.append(_wall_seconds(ours))
        their_seconds.append(_wall_seconds(theirs))

    return statistics.median(our_seconds[1:]), statistics.median(their_seconds[1:])


def _wall_seconds(work: Callable[[], object]) -> float:
    """Run the work once and return its wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table, or as one JSON document with ``--json``."""
    if "--json" in sys.argv[1:]:
        objects = [{**asdict(row), "ratio": row.ratio} for row in rows]
        print(json.dumps(objects, indent=1))
        return

    for row in rows:
        comparison = ""
        if row.ratio:
            comparison = f"  {row.ratio:.2f} × {row.beside} ({row.theirs:.3f} {row.unit})"
        aim = f"  [aim: {row.aim}]" if row.aim else ""
        print(f"{row.work}: {row.ours:.3f} {row.unit}, {row.taken} of {row.runs}{comparison}{aim}")
