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
    """A measured value in seconds, or in what ``unit`` names: ``beside`` names what it is compared with.

    ``aim`` is the project's goal, in words. ``taken`` names the statistic of the runs, usually their median.
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
        """Ours ÷ theirs."""
        return self.ours / self.theirs if self.theirs else None


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of several runs, after a warm-up."""
    work()
    return statistics.median(_seconds(work) for _ in range(runs))


def median_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median wall times of two pieces of work that run in turn (A B A B …), after a warm-up."""
    ours()
    theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def cpu_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median CPU times of this process for two pieces of work that run in turn, after a warm-up."""
    seconds_of_both: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs + 1):
        for work, run_seconds in zip((ours, theirs), seconds_of_both, strict=True):
            started = time.process_time()
            work()
            run_seconds.append(time.process_time() - started)

    return statistics.median(seconds_of_both[0][1:]), statistics.median(seconds_of_both[1][1:])


def cpu_share(work: Callable[[], object], runs: int) -> float:
    """Return the median CPU time of this process in a second, while ``work`` runs for some seconds, or its threads."""
    shares = []
    for _ in range(runs):
        cpu = time.process_time()
        wall = time.monotonic()
        work()
        shares.append((time.process_time() - cpu) / (time.monotonic() - wall))
    return statistics.median(shares)


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table, or as one JSON document with ``--json``."""
    if "--json" in sys.argv[1:]:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1))
        return

    for row in rows:
        beside = ""
        if row.ratio:
            beside = f"  {row.ratio:.2f} × {row.beside} ({format_value(row.theirs or 0, row.unit)})"
        aim = f"  [aim: {row.aim}]" if row.aim else ""
        print(f"{row.work}: {format_value(row.ours, row.unit)}, {row.taken} of {row.runs}{beside}{aim}")


def format_value(value: float, unit: str) -> str:
    """Return a value with its unit."""
    if unit != "s":
        return f"{value:.0f} {unit}"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
