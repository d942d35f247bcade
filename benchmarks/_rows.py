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


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of several runs, after a warm-up."""
    work()
    return statistics.median(_wall_seconds(work) for _ in range(runs))


def median_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median wall times of two pieces of work that run in turn (A B A B …), after a warm-up."""
    ours()
    theirs()

    our_seconds: list[float] = []
    their_seconds: list[float] = []
    for _ in range(runs):
        our_seconds.append(_wall_seconds(ours))
        their_seconds.append(_wall_seconds(theirs))

    return statistics.median(our_seconds), statistics.median(their_seconds)


def cpu_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median CPU times of this process for two pieces of work that run in turn, after a warm-up."""
    ours()
    theirs()

    our_seconds: list[float] = []
    their_seconds: list[float] = []
    for _ in range(runs):
        our_seconds.append(_cpu_seconds(ours))
        their_seconds.append(_cpu_seconds(theirs))

    return statistics.median(our_seconds), statistics.median(their_seconds)


def cpu_share(work: Callable[[], object], runs: int) -> float:
    """Return the median share of a core that this process takes while ``work`` runs, with all threads."""
    shares = []
    for _ in range(runs):
        cpu_start = time.process_time()
        wall_start = time.monotonic()
        work()
        cpu_seconds = time.process_time() - cpu_start
        wall_seconds = time.monotonic() - wall_start
        shares.append(cpu_seconds / wall_seconds)

    return statistics.median(shares)


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table, or as one JSON document with ``--json``."""
    if "--json" in sys.argv[1:]:
        objects = [{**asdict(row), "ratio": row.ratio} for row in rows]
        print(json.dumps(objects, indent=1))
        return

    for row in rows:
        value = format_value(row.ours, row.unit)
        comparison = ""
        if row.ratio:
            their_value = format_value(row.theirs or 0, row.unit)
            comparison = f"  {row.ratio:.2f} × {row.beside} ({their_value})"
        aim = f"  [aim: {row.aim}]" if row.aim else ""
        print(f"{row.work}: {value}, {row.taken} of {row.runs}{comparison}{aim}")


def format_value(value: float, unit: str) -> str:
    """Return a value with its unit; short times in milliseconds."""
    if unit != "s":
        return f"{value:.0f} {unit}"
    if value < 0.1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.2f} s"


def _wall_seconds(work: Callable[[], object]) -> float:
    """Run the work once and return its wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _cpu_seconds(work: Callable[[], object]) -> float:
    """Run the work once and return the CPU time of this process meanwhile."""
    started = time.process_time()
    work()
    return time.process_time() - started
