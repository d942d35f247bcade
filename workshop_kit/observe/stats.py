"""The engine's statistics of a container → its usage, with units in the names.

Source: ``GET /containers/{id}/stats`` with cgroup v1 or v2. Rates come from two answers, since a one-shot answer has no
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


EngineAnswer = Mapping[str, Any]  # the statistics of a container


@dataclass(frozen=True)
class Usage:
    """The usage of a container; an unknown number is NaN (all are, while it does not run).

    ``state`` is ``running`` or ``stopped``. ``cpu_percent``: 100 is one core. ``throttled_percent``: the share of the
    scheduler's periods since the last sample in which the container was held back by its CPU limit, and
    ``throttled_periods`` their number. ``memory_bytes`` is the working set: the memory in use less the inactive file
    cache. Without a limit the engine says the machine's memory in ``memory_limit_bytes``; ``has_memory_limit`` tells.
    ``cpu_limit_percent`` is the highest limit that was in force since the last sample, NaN without one.
    `watch.Watcher` fills ``has_memory_limit`` in, and tells the meter the limit of CPU.
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
    has_memory_limit: bool = True


class Meter:
    """Reads the usage of one container after another, which have the same name."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._id = ""
        self._previous: EngineAnswer | None = None
        self._limit_percent = NOT_KNOWN

    def read(self, container_id: str, cpu_limit_percent: float = NOT_KNOWN) -> Usage:
        """Return the usage; rates are those since the last read. Raises what `get_json` raises.

        ``cpu_limit_percent`` is the limit that was seen right before this read. What was used since the last read may
        have been used before the limit was lowered, so the higher one of the two is the limit that was in force.
        """
        answer = get_json(self._engine, f"/containers/{container_id}/stats?stream=0&one-shot=1")
        previous = self._previous if container_id == self._id else None
        limits = [cpu_limit_percent] if previous is None else [self._limit_percent, cpu_limit_percent]
        in_force = NOT_KNOWN if any(map(math.isnan, limits)) else max(limits)

        self._id = container_id
        self._previous = answer if is_running(answer) else None
        self._limit_percent = cpu_limit_percent
        return replace(usage(previous, answer, self._name), cpu_limit_percent=in_force)


def is_running(answer: EngineAnswer) -> bool:
    """Return whether the container ran; of one that does not run the answer is a stub."""
    read = str(answer.get("read", ""))
    return bool(read) and not read.startswith("0001-")


def working_set(memory: Mapping[str, Any]) -> float:
    """Return the bytes in use less the inactive file cache, as ``docker stats`` does; NaN without memory accounting.

    cgroup v1 has the sum of the group in ``total_inactive_file``; v2 has ``inactive_file`` and no ``cache``.
    """
    used_bytes: float = memory.get("usage") or NOT_KNOWN
    detail = memory.get("stats") or {}
    inactive_bytes: int = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return used_bytes if inactive_bytes >= used_bytes else used_bytes - inactive_bytes


def usage(previous: EngineAnswer | None, answer: EngineAnswer, container: str = "") -> Usage:
    """Return the usage between two answers on one container; rates are NaN without a previous one."""
    if not is_running(answer):
        return Usage(datetime.now(tz=UTC), container, "stopped")

    memory = answer.get("memory_stats") or {}
    limit = memory.get("limit") or NOT_KNOWN
    row = Usage(
        datetime.fromisoformat(answer["read"]),
        container,
        memory_bytes=working_set(memory),
        memory_limit_bytes=limit if limit < _NO_LIMIT_BYTES else NOT_KNOWN,
        pids=(answer.get("pids_stats") or {}).get("current") or NOT_KNOWN,
    )

    seconds = (row.time - datetime.fromisoformat(previous["read"])).total_seconds() if previous else 0.0
    if previous is None or seconds <= 0:  # a clock that was set back
        return row

    cpu_nanoseconds, periods, throttled = map(increase, _counters(previous), _counters(answer))
    throttled = min(periods, throttled)
    return replace(
        row,
        cpu_percent=cpu_nanoseconds / 1e9 / seconds * 100,
        throttled_percent=throttled / periods * 100 if periods else 0.0,
        throttled_periods=float(throttled),
    )


def _counters(answer: EngineAnswer) -> tuple[int, int, int]:
    """Return the CPU time in nanoseconds, the scheduler's periods, and those in which the container was held back."""
    cpu = answer.get("cpu_stats") or {}
    throttling = cpu.get("throttling_data") or {}
    cpu_nanoseconds = (cpu.get("cpu_usage") or {}).get("total_usage", 0)
    return cpu_nanoseconds, throttling.get("periods", 0), throttling.get("throttled_periods", 0)


def increase(before: float, now: float) -> float:
    """Return the increase of a counter; one that went back began again at zero (a restarted container)."""
    return now - before if now >= before else now
