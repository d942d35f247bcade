"""The engine's statistics of a container → its usage, with units in the names.

Source: ``GET /containers/{id}/stats`` with cgroup v1 or v2. Rates come from two samples, since a one-shot answer has no
``precpu_stats``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import get_json

NOT_KNOWN = math.nan
_NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as 2⁶³ less a page


@dataclass(frozen=True)
class Sample:
    """The counters of a running container at one time (UTC, the engine's clock); NaN where the engine has no value.

    Memory is the working set.
    """

    time: datetime
    cpu_nanoseconds: int
    periods: int = 0
    throttled_periods: int = 0
    memory_bytes: float = NOT_KNOWN
    memory_limit_bytes: float = NOT_KNOWN
    pids: float = NOT_KNOWN


@dataclass(frozen=True)
class Usage:
    """The usage of a container; an unknown number is NaN (all are, while it does not run).

    ``state`` is ``running`` or ``stopped``. ``cpu_percent``: 100 is one core. ``throttled_percent``: the share of the
    scheduler's periods since the last sample in which the container was held back by its CPU limit, and
    ``throttled_periods`` their number. ``memory_bytes`` is the working set: the memory in use less the inactive file
    cache. ``cpu_limit_percent`` is NaN without a limit; `watch.Watcher` fills it in.
    """

    time: datetime
    container: str
    state: str = "running"
    cpu_percent: float = NOT_KNOWN
    throttled_percent: float = NOT_KNOWN
    throttled_periods: float = NOT_KNOWN
    memory_bytes: float = NOT_KNOWN
    memory_limit_bytes: float = NOT_KNOWN
    pids: float = NOT_KNOWN
    cpu_limit_percent: float = NOT_KNOWN


class Meter:
    """Reads the usage of one container after another, which have the same name."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name
        self._id = ""
        self._previous: Sample | None = None

    def read(self, container_id: str) -> Usage:
        """Return the usage; rates are those since the last read. Raises what `get_json` raises."""
        sample = parse(get_json(self._engine, f"/containers/{container_id}/stats?stream=0&one-shot=1"))
        previous = self._previous if container_id == self._id else None
        self._id, self._previous = container_id, sample
        if sample is None:
            return Usage(datetime.now(tz=UTC), self._name, "stopped")
        return usage(previous, sample, self._name)


def parse(response: Mapping[str, Any]) -> Sample | None:
    """Parse the engine's answer; None for a container that does not run (the engine answers with a stub)."""
    read = str(response.get("read", ""))
    if not read or read.startswith("0001-"):
        return None
    cpu, memory = response.get("cpu_stats") or {}, response.get("memory_stats") or {}
    throttling = cpu.get("throttling_data") or {}
    limit = memory.get("limit") or NOT_KNOWN
    return Sample(
        time=datetime.fromisoformat(read),
        cpu_nanoseconds=(cpu.get("cpu_usage") or {}).get("total_usage", 0),
        periods=throttling.get("periods", 0),
        throttled_periods=throttling.get("throttled_periods", 0),
        memory_bytes=working_set(memory),
        memory_limit_bytes=limit if limit < _NO_LIMIT_BYTES else NOT_KNOWN,
        pids=(response.get("pids_stats") or {}).get("current") or NOT_KNOWN,
    )


def working_set(memory: Mapping[str, Any]) -> float:
    """Return the bytes in use less the inactive file cache, as ``docker stats`` does; NaN without memory accounting.

    cgroup v1 has the sum of the group in ``total_inactive_file``; v2 has ``inactive_file`` and no ``cache``.
    """
    used: float = memory.get("usage") or NOT_KNOWN
    detail = memory.get("stats") or {}
    idle: int = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return used if idle >= used else used - idle


def usage(previous: Sample | None, current: Sample, container: str = "") -> Usage:
    """Return the usage between two samples of one container; rates are NaN without a previous one."""
    row = Usage(
        current.time,
        container,
        memory_bytes=current.memory_bytes,
        memory_limit_bytes=current.memory_limit_bytes,
        pids=current.pids,
    )
    if previous is None or current.time <= previous.time:  # a clock that was set back
        return row
    seconds = (current.time - previous.time).total_seconds()
    periods = increase(previous.periods, current.periods)
    throttled = min(periods, increase(previous.throttled_periods, current.throttled_periods))
    return replace(
        row,
        cpu_percent=increase(previous.cpu_nanoseconds, current.cpu_nanoseconds) / 1e9 / seconds * 100,
        throttled_percent=throttled / periods * 100 if periods else 0.0,
        throttled_periods=float(throttled),
    )


def increase(before: float, now: float) -> float:
    """Return the increase of a counter; one that went back began again at zero (a restarted container)."""
    return now - before if now >= before else now
