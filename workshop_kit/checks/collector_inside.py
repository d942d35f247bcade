"""Runs in the collector's image, with the participant's checkpoint.py: dies before each step, and counts the lines.

A step is an audit event on a file, such as an open or a rename. After each death a new start reads on from the stored
positions of two containers. Only the parts that the uploader would send count. Standard library and the collector only.
"""

from __future__ import annotations

import importlib
import itertools
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
    """Kill the collector before its first step, its second and so on, until a run has no further step to die at.

    Prints one line: the mark, and the most lines that one death lost or doubled.
    """
    parts = importlib.import_module("collector.parts")
    checkpoint = importlib.import_module("collector.checkpoint")
    most_lost = 0
    most_doubled = 0

    for death_step in itertools.count(1):
        folder = ROOT / f"death-{death_step}"
        folder.mkdir()
        ended = ends_normally(folder, parts, checkpoint, death_step)
        read_on(folder, parts, checkpoint)

        lines = Counter(committed_lines(folder, parts))
        most_lost = max(most_lost, LINES * len(CONTAINERS) - len(lines))
        most_doubled = max(most_doubled, lines.total() - len(lines))
        if ended:
            break

    counts = {"steps": death_step - 1, "lost": most_lost, "twice": most_doubled}
    sys.stdout.write(f"\n{mark}{json.dumps(counts)}\n")


def read_on(folder: Path, parts: Any, checkpoint: Any) -> None:
    """Start once more after a death: take the rest of each container's lines from its stored position, and commit."""
    state, _ = parts.restore(folder)
    keeper = checkpoint.Checkpoint(folder, state)
    for container in CONTAINERS:
        position = state["positions"].get(container, {"seen": 0})
        take(keeper, container, int(position["seen"]), LINES)
    keeper.commit()


def committed_lines(folder: Path, parts: Any) -> list[bytes]:
    """Return the lines of all parts that the uploader would send; none without a checkpoint."""
    state = parts.read_checkpoint(folder)
    if not state:
        return []
    lines = []
    for part in parts.waiting_parts(folder):
        if parts.is_committed(part, state):
            lines += part.read_bytes().splitlines()
    return lines


def ends_normally(folder: Path, parts: Any, checkpoint: Any, death_step: int) -> bool:
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
                arm(folder, death_step)
            for container in CONTAINERS:
                take(keeper, container, number, number + GO)
            keeper.commit()
        code = 0
    finally:
        os._exit(code)


def arm(folder: Path, death_step: int) -> None:
    """From now on, die before the given step in the folder."""
    done = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        if event in STEPS and str(arguments[0]).startswith(str(folder)):
            done += 1
            if done == death_step:
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
