"""How ``./workshop test`` runs pytest: the whole suite with two workers, a part of it in one process."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

MOST_WORKERS = 2
"""Each has a stack and engines of its own: more of them want more memory than a laptop has to spare."""
SELECTING = (
    "-k",
    "-m",
    "-n",
    "--numprocesses",
    "--lf",
    "--last-failed",
    "--sw",
    "--stepwise",
    "--pdb",
    "--collect",
    "-h",
)
"""Options after which bringing up a second stack would cost more than it saves, or which say how many workers."""


def pytest_words(words: Sequence[str], root: Path, cores: int) -> list[str]:
    """The words for pytest: those given, and for the whole suite on several cores the number of workers.

    >>> pytest_words(["-x"], Path("/checkout"), cores=8)
    ['-n', '2', '--max-worker-restart=0', '-x']
    >>> pytest_words(["-k", "ledger"], Path("/checkout"), cores=8)
    ['-k', 'ledger']
    """
    if cores < 2 or names_a_part(words, root):
        return [*words]
    # A test that takes its worker along would do so again with every new one.
    return ["-n", str(min(MOST_WORKERS, cores)), "--max-worker-restart=0", *words]


def run(command: Sequence[str | Path], root: Path) -> int:
    """Run a program in ``root`` to its end and return its exit code.

    Ctrl-C is the program's to hear: pytest takes down the stacks that it has up, which lasts some seconds.
    """
    with subprocess.Popen(command, cwd=root) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def names_a_part(words: Sequence[str], root: Path) -> bool:
    """Whether any of the words selects tests: an option that does, or the path of a file or folder."""
    return any(word.startswith(SELECTING) or (root / word.partition("::")[0]).exists() for word in words if word)


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
