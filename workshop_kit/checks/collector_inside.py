"""Runs in the collector's image, with the participant's checkpoint.py: dies before each step, and counts the lines.

A step is an audit event on a file, such as an open or a rename. After each death a new start reads on from the stored
positions of two containers. Only the parts that the uploader would send count. Standard library and the collector only.
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
CONTAINERS = ("a" * 64, "b" * 64)
PARTS = ("workshop~numbers~2026-01-01T00", "workshop~numbers~2026-01-01T01")
LINES = 40  # of each container
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
        for container in CONTAINERS:
            take(keeper, container, int(start["positions"].get(container, {"seen": 0})["seen"]), LINES)
        keeper.commit()

        state = parts.read_checkpoint(folder)
        waiting = parts.waiting_parts(folder) if state else []
        committed = [part for part in waiting if parts.is_committed(part, state)]
        lines = Counter(line for part in committed for line in part.read_bytes().splitlines())
        counts["lost"] = max(counts["lost"], LINES * len(CONTAINERS) - len(lines))
        counts["twice"] = max(counts["twice"], lines.total() - len(lines))

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
            for container in CONTAINERS:
                take(keeper, container, number, number + GO)
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


def take(keeper: Any, container: str, first: int, end: int) -> None:
    """Hand over numbered lines of a container, in two batches; both parts get lines of each batch."""
    middle = (first + end) // 2
    for start, stop in ((first, middle), (middle, end)):
        lines: dict[str, list[bytes]] = {part: [] for part in PARTS}
        for number in range(start, stop):
            lines[PARTS[number % 2]].append(b"%c %d\n" % (ord(container[0]), number))
        position = {"environment": "workshop", "service": "numbers", "time": "", "seen": stop}
        keeper.take(container, position, lines)


if __name__ == "__main__":
    main(sys.argv[1])
