"""This machine: the memory that programs may use, and longer time limits where it is slow (standard library only)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.errors import WrongUsage

MIB, GIB = 1024**2, 1024**3
ENOUGH_BYTES = 3 * GIB
"""The memory that the lessons want."""
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")  # of cgroup version 2, and of version 1
PATIENCE = "WORKSHOP_PATIENCE"
"""The variable with a factor: 10 makes the time limits of engine, stack and checks ten times as long."""
MOST_PATIENCE = 100.0


def usable_bytes(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory of this machine, or the smallest limit of this process's cgroups if that is less.

    In a container the kernel reports the host's memory; only the cgroup has the container's.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of the process's cgroup and of those above it. Version 1 has a tree of its own for memory."""
    lines = own.read_text().splitlines() if own.exists() else []  # only Linux has cgroups
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            folder = cgroups / controllers / path.lstrip("/")
            for file in (one / name for one in (folder, *folder.parents) for name in LIMIT_FILES):
                with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
                    yield int(file.read_text())


def patient(seconds: float) -> float:
    """Return a time limit times WORKSHOP_PATIENCE. Raises WrongUsage if that is no number from 1 to 100."""
    said = os.environ.get(PATIENCE) or "1"
    try:
        factor = float(said)
    except ValueError:
        factor = 0.0
    if not 1.0 <= factor <= MOST_PATIENCE:
        raise WrongUsage(
            f"{PATIENCE} is {said!r}, and no number from 1 to {MOST_PATIENCE:g}.", "Unset it, or set it to 10."
        )
    return seconds * factor
