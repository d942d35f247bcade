"""Runs in a container with the engine's cgroups mounted: makes a group with limits, or removes it again.

Standard library only. What is started below the group shares its limits, whatever the builder says.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

V2_MARK = "cgroup.controllers"
"""A file that the root of cgroup v2 has; v1 has a tree for each controller."""
MEMORY = "memory"
PIDS = "pids"


def folders(root: Path, name: str) -> dict[str, Path]:
    """Return the folder of the group for each controller."""
    if (root / V2_MARK).exists():
        return dict.fromkeys((MEMORY, PIDS), root / name)
    return {controller: root / controller / name for controller in (MEMORY, PIDS)}


def limit(root: Path, name: str, memory_bytes: str, most_tasks: str) -> None:
    """Make the group, and limit memory (with swap, where that is counted) and the number of processes."""
    groups = folders(root, name)
    for folder in groups.values():
        folder.mkdir(exist_ok=True)
    is_v2 = (root / V2_MARK).exists()
    memory = groups[MEMORY]
    hierarchy = memory / "memory.use_hierarchy"
    if hierarchy.exists():  # v1 before Linux 5.11 counts what is below a group only if it is told to
        hierarchy.write_text("1")
    memory_file = "memory.max" if is_v2 else "memory.limit_in_bytes"
    (memory / memory_file).write_text(memory_bytes)
    (groups[PIDS] / "pids.max").write_text(most_tasks)

    swap_file = memory / ("memory.swap.max" if is_v2 else "memory.memsw.limit_in_bytes")
    with contextlib.suppress(OSError):  # a kernel may not count swap
        if swap_file.exists():
            swap_file.write_text("0" if is_v2 else memory_bytes)


def remove(root: Path, name: str) -> None:
    """Remove the group from every tree, with the empty ones that a builder left in it; one that is in use stays."""
    for folder in (root / name, *root.glob(f"*/{name}")):
        below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
        for path in (*below, folder):
            with contextlib.suppress(OSError):
                path.rmdir()


if __name__ == "__main__":
    action, mounted, *arguments = sys.argv[1:]
    if action == "limit":
        limit(Path(mounted), *arguments)
    else:
        remove(Path(mounted), *arguments)
