"""Compute a container's usage from the engine's statistics.

Source: ``GET /containers/{id}/stats`` with cgroup v1 or v2. Rates come from two answers, since a one-shot answer has no
``precpu_stats``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import get_json

NOT_KNOWN = math.nan
_NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as 2⁶³ less a page


EngineAnswer = Mapping[str, Any]  # the statistics of a container


@dataclass(frozen=True)
class Usage:
    """The usage of a container; an unknown number is NaN (all are, while it does not run).

    ``state`` is ``running`` or ``stopped``. ``cpu_percent``: 100 is one core. ``throttled_percent``: the share of the
    scheduler's periods since the last sample in which the container was held back by its CPU limit. ``memory_bytes`` is
    the working set: the memory in use less the inactive file cache. Without a limit ``memory_limit_bytes`` is the
    machine's memory.
    ``cpu_limit_percent`` is the limit before the sample, NaN without one; `watcher.Watcher` gives it to the meter.
    """

    time: datetime
    container: str
    state: str = "running"
    cpu_percent: float = NOT_KNOWN
    throttled_percent: float = NOT_KNOWN
    memory_bytes: float = NOT_KNOWN
    memory_limit_bytes: float = NOT_KNOWN
    cpu_limit_percent: float = NOT_KNOWN


class Meter:
    """Reads the usage of the container that has a name now; a later one may be another container."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._id = ""
        self._previous: EngineAnswer | None = None

    def read(self, container_id: str, cpu_limit_percent: float = NOT_KNOWN) -> Usage:
        """Return the usage; rates are those since the last read. Raises what `get_json` raises."""
        answer = get_json(self._engine, f"/containers/{container_id}/stats?stream=0&one-shot=1")
        previous = self._previous if container_id == self._id else None
        self._id = container_id
        self._previous = answer if is_running(answer) else None
        return replace(usage(previous, answer, self._name), cpu_limit_percent=cpu_limit_percent)


def is_running(answer: EngineAnswer) -> bool:
    """Return whether the container ran: the answer about a stopped one has no time, or one in the year 1."""
    read_at = str(answer.get("read", ""))
    return bool(read_at) and not read_at.startswith("0001-")


def working_set(memory: Mapping[str, Any]) -> float:
    """Return the bytes in use less the inactive file cache, as ``docker stats`` does; NaN without memory accounting.

    cgroup v1 has the sum of the group in ``total_inactive_file``; v2 has ``inactive_file`` and no ``cache``.
    """
    used_bytes: float = memory.get("usage") or NOT_KNOWN
    detail = memory.get("stats") or {}
    inactive_bytes: int = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    if inactive_bytes >= used_bytes:
        return used_bytes
    return used_bytes - inactive_bytes


def usage(previous: EngineAnswer | None, answer: EngineAnswer, container: str = "") -> Usage:
    """Return the usage between two answers on one container; rates are NaN without a previous one."""
    if not is_running(answer):
        return Usage(datetime.now(tz=UTC), container, "stopped")

    memory = answer.get("memory_stats") or {}
    memory_limit_bytes = memory.get("limit") or NOT_KNOWN
    if memory_limit_bytes >= _NO_LIMIT_BYTES:
        memory_limit_bytes = NOT_KNOWN
    usage_without_rates = Usage(
        datetime.fromisoformat(answer["read"]),
        container,
        memory_bytes=working_set(memory),
        memory_limit_bytes=memory_limit_bytes,
    )

    if not previous:
        return usage_without_rates
    seconds = (usage_without_rates.time - datetime.fromisoformat(previous["read"])).total_seconds()
    if seconds <= 0:  # the clock was set back
        return usage_without_rates

    before = _cpu_counters(previous)
    now = _cpu_counters(answer)
    cpu_seconds = increase(before.nanoseconds, now.nanoseconds) / 1e9
    periods = increase(before.periods, now.periods)
    throttled_periods = min(periods, increase(before.throttled_periods, now.throttled_periods))
    return replace(
        usage_without_rates,
        cpu_percent=cpu_seconds / seconds * 100,
        throttled_percent=throttled_periods / periods * 100 if periods else 0.0,
    )


class _CpuCounters(NamedTuple):
    """The CPU time, the scheduler's periods, and those in which the container was held back, since its start."""

    nanoseconds: int
    periods: int
    throttled_periods: int


def _cpu_counters(answer: EngineAnswer) -> _CpuCounters:
    """Return the counters in an answer; 0 for one that the engine leaves out."""
    cpu = answer["cpu_stats"]
    throttling = cpu.get("throttling_data", {})
    return _CpuCounters(
        nanoseconds=cpu["cpu_usage"]["total_usage"],
        periods=throttling.get("periods", 0),
        throttled_periods=throttling.get("throttled_periods", 0),
    )


def increase(before: float, now: float) -> float:
    """Return the increase of a counter; one that went back began again at zero (a restarted container)."""
    return now - before if now >= before else now
