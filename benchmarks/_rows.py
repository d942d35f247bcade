"""What a benchmark prints: rows with the work, ours, what it is held against, and the number of runs."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One piece of work, in seconds: ``beside`` names what it is compared with, ``ratio`` is ours ÷ theirs.

    ``aim`` is what the project wants of it, in words; whether it is met is for the reader to judge. ``taken`` says
    what of the runs is given; nearly always it is their median.
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
    """What something takes of the memory, in MiB; all else as in a Row."""

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
    """The median wall time of several runs, after one that does not count."""
    work()
    return statistics.median(_seconds(work) for _ in range(runs))


def median_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """The medians of two pieces of work taken in turn (A B A B …), so that a drifting machine hits both alike."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def cpu_pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, float]:
    """The medians of this process's CPU seconds for two pieces of work taken in turn, after one that does not count."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs + 1):
        for work, seconds in zip((ours, theirs), taken, strict=True):
            started = time.process_time()
            work()
            seconds.append(time.process_time() - started)
    return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])


def show(rows: Sequence[Row | Memory]) -> None:
    """Print the rows: as a table, or as one JSON document if ``--json`` was asked for."""
    if "--json" in sys.argv[1:]:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1))
        return
    for row in rows:
        ours, theirs = (_told(row, whose) for whose in ("ours", "theirs"))
        beside = f"  {row.ratio:.2f} × {row.beside} ({theirs})" if row.ratio else ""
        aim = f"  [aim: {row.aim}]" if row.aim else ""
        print(f"{row.work}: {ours}, {row.taken} of {row.runs}{beside}{aim}")


def _told(row: Row | Memory, whose: str) -> str:
    seconds, mib = getattr(row, f"{whose}_seconds", None), getattr(row, f"{whose}_mib", None)
    if seconds is None:
        return f"{mib or 0:.0f} MiB"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
