"""The memory that programs on this machine may use (standard library only)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

GIB = 1024**3
ENOUGH_BYTES = 3 * GIB
"""The memory that the lessons want."""
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")  # of cgroup version 2, and of version 1


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
