"""Read the kernel's accounting of each container of a group from its cgroup files, as numbers with units.

The engine puts the containers of the stack into one parent cgroup (``cgroup_parent`` in compose.yaml). Its files are
readable by any user; the engine's statistics come from the same files. The root folder has one sub-folder for each
controller; with cgroup v2 all of them are the same mount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTAINER = re.compile(r"(?:[a-z]+-)?([0-9a-f]{64})(?:\.scope)?")  # as cgroupfs names it, or as systemd does
NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as 2⁶³ less a page


@dataclass(frozen=True)
class Account:
    """The accounting of one running container; None is a number that the kernel lacks, or a limit that is not set.

    ``memory_bytes`` is the working set: used memory without the file cache that the kernel can reclaim at once.
    ``cpu_limit_cores`` is the CPU quota; ``periods`` counts its periods, ``throttled_periods`` those with throttling.
    ``oom_kills`` counts killed processes; if the first process is killed, container and account end.
    """

    container: str
    cpu_seconds: float | None = None
    cpu_limit_cores: float | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_seconds: float | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    processes: int | None = None
    processes_limit: int | None = None


def accounts(root: Path) -> Iterator[Account]:
    """Yield the account of each container below ``root``, which has ``memory``, ``cpu``, ``cpuacct`` and ``pids``.

    A container that ends during the read is left out: half an account would look like a drop.
    """
    version_2 = (root / "memory" / "cgroup.controllers").exists()
    for folder in sorted((root / "memory").iterdir()):
        if found := CONTAINER.fullmatch(folder.name):
            read = _version_2 if version_2 else _version_1
            account = read(found[1], root, folder.name)
            if folder.exists():
                yield account


def _version_1(container: str, root: Path, name: str) -> Account:
    cpu = root / "cpu" / name
    memory = root / "memory" / name
    pids = root / "pids" / name
    scheduled = _table(cpu / "cpu.stat")
    used = _number(memory / "memory.usage_in_bytes")
    limit = _number(memory / "memory.limit_in_bytes")
    quota = _number(cpu / "cpu.cfs_quota_us")
    period = _number(cpu / "cpu.cfs_period_us")
    return Account(
        container,
        cpu_seconds=_scaled(_number(root / "cpuacct" / name / "cpuacct.usage"), 1e9),
        cpu_limit_cores=quota / period if quota and period and quota > 0 else None,
        periods=scheduled.get("nr_periods"),
        throttled_periods=scheduled.get("nr_throttled"),
        throttled_seconds=_scaled(scheduled.get("throttled_time"), 1e9),
        memory_bytes=_working_set(used, _table(memory / "memory.stat").get("total_inactive_file", 0)),
        memory_used_bytes=used,
        memory_limit_bytes=limit if limit is not None and limit < NO_LIMIT_BYTES else None,
        oom_kills=_table(memory / "memory.oom_control").get("oom_kill"),
        processes=_number(pids / "pids.current"),
        processes_limit=_number(pids / "pids.max"),
    )


def _version_2(container: str, root: Path, name: str) -> Account:
    cpu = root / "cpu" / name
    memory = root / "memory" / name
    pids = root / "pids" / name
    spent = _table(cpu / "cpu.stat")
    used = _number(memory / "memory.current")
    quota, _, period = (_text(cpu / "cpu.max") or "max").partition(" ")
    return Account(
        container,
        cpu_seconds=_scaled(spent.get("usage_usec"), 1e6),
        cpu_limit_cores=None if quota == "max" else int(quota) / int(period),
        periods=spent.get("nr_periods"),
        throttled_periods=spent.get("nr_throttled"),
        throttled_seconds=_scaled(spent.get("throttled_usec"), 1e6),
        memory_bytes=_working_set(used, _table(memory / "memory.stat").get("inactive_file", 0)),
        memory_used_bytes=used,
        memory_limit_bytes=_number(memory / "memory.max"),
        oom_kills=_table(memory / "memory.events").get("oom_kill"),
        processes=_number(pids / "pids.current"),
        processes_limit=_number(pids / "pids.max"),
    )


def _working_set(used: int | None, idle: int) -> int | None:
    """Compute the working set as ``docker stats`` does."""
    return used if used is None or idle >= used else used - idle


def _scaled(value: int | None, parts: float) -> float | None:
    return None if value is None else value / parts


def _number(path: Path) -> int | None:
    """Read a file with one number; None for ``max`` and for a missing file."""
    text = _text(path)
    return None if text in {None, "", "max"} else int(text or 0)


def _table(path: Path) -> dict[str, int]:
    """Read a file with a name and a number in each line."""
    pairs = (line.split() for line in (_text(path) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _text(path: Path) -> str | None:
    """Read a file; None if this kernel lacks it or the container has ended."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
