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
    """A measured time in seconds: ``beside`` names what it is compared with, ``ratio`` is ours ÷ theirs.

    ``aim`` is the project's goal, in words. ``taken`` names the statistic of the runs, usually their median.
    """

    work: str
    ours_seconds: float
    runs: int
    aim: str = ""
    beside: str = ""
    theirs_seconds: float | None = None
    taken: str = "median"

    @property
    def ratio(self) -> float | None:
        """Ours ÷ theirs."""
        return self.ours_seconds / self.theirs_seconds if self.theirs_seconds else None


@dataclass(frozen=True)
class Memory:
    """A measured size of memory in MiB; the other fields are those of a `Row`."""

    work: str
    ours_mib: float
    runs: int
    aim: str = ""
    beside: str = ""
    theirs_mib: float | None = None
    taken: str = "median"

    @property
    def ratio(self) -> float | None:
        """Ours ÷ theirs."""
        return self.ours_mib / self.theirs_mib if self.theirs_mib else None


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of several runs, after a warm-up."""
    work()
    return statistics.median(_seconds(work) for _ in range(runs))


def median_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median wall times of two pieces of work that run in turn (A B A B …), after a warm-up."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def cpu_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median CPU times of this process for two pieces of work that run in turn, after a warm-up."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs + 1):
        for work, seconds in zip((ours, theirs), taken, strict=True):
            started = time.process_time()
            work()
            seconds.append(time.process_time() - started)
    return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])


def show(rows: Sequence[Row | Memory]) -> None:
    """Print the rows as a table, or as one JSON document with ``--json``."""
    if "--json" in sys.argv[1:]:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1))
        return
    for row in rows:
        ours, theirs = (_format(row, whose) for whose in ("ours", "theirs"))
        beside = f"  {row.ratio:.2f} × {row.beside} ({theirs})" if row.ratio else ""
        aim = f"  [aim: {row.aim}]" if row.aim else ""
        print(f"{row.work}: {ours}, {row.taken} of {row.runs}{beside}{aim}")


def _format(row: Row | Memory, whose: str) -> str:
    seconds, mib = getattr(row, f"{whose}_seconds", None), getattr(row, f"{whose}_mib", None)
    if seconds is None:
        return f"{mib or 0:.0f} MiB"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
