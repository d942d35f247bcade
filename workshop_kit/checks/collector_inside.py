"""Runs in the collector's image, with the participant's checkpoint.py: dies before each step, and counts the lines.

A step is an audit event on a file, such as an open or a rename. After each death a new start reads on from the stored
position. Only the parts that the uploader would send count. Standard library and the collector only.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path("/var/lib/collector")
CONTAINER = "c" * 64
PART = "workshop~numbers~2026-01-01T00"
LINES = 40
GO = 10
STEPS = ("open", "os.rename", "os.remove", "os.link", "os.mkdir")


def main(mark: str) -> None:
    """Print one line: the mark, and the most lines that a death at any step lost or doubled."""
    parts = importlib.import_module("collector.parts")
    checkpoint = importlib.import_module("collector.checkpoint")
    counts = {"steps": -1, "lost": 0, "twice": 0}
    ended = False

    while not ended:
        counts["steps"] += 1
        folder = ROOT / f"death-{counts['steps']}"
        folder.mkdir()
        ended = ends_normally(folder, parts, checkpoint, counts["steps"] + 1)

        start, _ = parts.restore(folder)
        keeper = checkpoint.Checkpoint(folder, start)
        take(keeper, int(start["positions"].get(CONTAINER, {"seen": 0})["seen"]), LINES)
        keeper.commit()

        state = parts.read_checkpoint(folder)
        waiting = parts.waiting_parts(folder) if state else []
        committed = [part for part in waiting if parts.is_committed(part, state)]
        numbers = Counter(number for part in committed for number in part.read_bytes().split())
        counts["lost"] = max(counts["lost"], LINES - len(numbers))
        counts["twice"] = max(counts["twice"], numbers.total() - len(numbers))

    sys.stdout.write(f"\n{mark}{json.dumps(counts)}\n")


def ends_normally(folder: Path, parts: Any, checkpoint: Any, dies_at: int) -> bool:
    """Collect in a child that commits once and dies at a later step; return whether it ended without such a step."""
    keeper = checkpoint.Checkpoint(folder, parts.restore(folder)[0])
    checkpoint.save(keeper)
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    code = 3
    try:
        for number in range(0, LINES, GO):
            if number == GO:
                arm(folder, dies_at)
            take(keeper, number, number + GO)
            keeper.commit()
        code = 0
    finally:
        os._exit(code)


def arm(folder: Path, dies_at: int) -> None:
    """From now on, die before the given step in the folder."""
    done = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        if event in STEPS and str(arguments[0]).startswith(str(folder)):
            done += 1
            if done == dies_at:
                os._exit(9)

    sys.addaudithook(hook)


def take(keeper: Any, first: int, end: int) -> None:
    """Hand over numbered lines, in two batches."""
    middle = (first + end) // 2
    for start, stop in ((first, middle), (middle, end)):
        position = {"environment": "workshop", "service": "numbers", "time": "", "seen": stop}
        keeper.take(CONTAINER, position, {PART: [b"%d\n" % number for number in range(start, stop)]})


if __name__ == "__main__":
    main(sys.argv[1])
