"""What the kernel has counted for each container of a group: its cgroup's files → numbers with units. Reads only.

The engine puts the containers of the stack below one cgroup of their own (``cgroup_parent`` in compose.yaml), and the
kernel keeps the account of each in files there that any user may read: the same that the engine's statistics are made
of. A folder that holds one sub-folder for each controller is expected; with cgroup v2 all of them are the same mount.
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
    """One running container's account; None is what this kernel does not count, or a limit that is not set.

    ``memory_bytes`` is the working set: what is used less the file cache that can be given back at once.
    ``cpu_limit_cores`` is the share of time that the scheduler grants; ``periods`` are its periods of that limit, and
    ``throttled_periods`` those in which the container was held back. ``oom_kills``: processes killed in it for memory;
    when it is the first process, the container and this account end with it.
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

    A container that goes away meanwhile is left out: half an account would look like a fall.
    """
    version_2 = (root / "memory" / "cgroup.controllers").exists()
    for folder in sorted((root / "memory").iterdir()):
        if found := CONTAINER.fullmatch(folder.name):
            read = _version_2 if version_2 else _version_1
            account = read(found[1], root, folder.name)
            if folder.exists():
                yield account


def _version_1(container: str, root: Path, name: str) -> Account:
    cpu, memory, pids = root / "cpu" / name, root / "memory" / name, root / "pids" / name
    scheduled = _table(cpu / "cpu.stat")
    used = _number(memory / "memory.usage_in_bytes")
    limit = _number(memory / "memory.limit_in_bytes")
    quota, period = _number(cpu / "cpu.cfs_quota_us"), _number(cpu / "cpu.cfs_period_us")
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
    cpu, memory, pids = root / "cpu" / name, root / "memory" / name, root / "pids" / name
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
    """As ``docker stats`` counts it."""
    return used if used is None or idle >= used else used - idle


def _scaled(value: int | None, parts: float) -> float | None:
    return None if value is None else value / parts


def _number(path: Path) -> int | None:
    """A file with one number; None for ``max``, and where there is no such file."""
    text = _text(path)
    return None if text in {None, "", "max"} else int(text or 0)


def _table(path: Path) -> dict[str, int]:
    """A file with a name and a number a line."""
    pairs = (line.split() for line in (_text(path) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _text(path: Path) -> str | None:
    """What a file says; None if it is not there: not counted by this kernel, or gone with its container."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
