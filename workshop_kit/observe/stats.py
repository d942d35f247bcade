"""The engine's statistics of a container → its usage, with units in the names. Pure.

Source: ``GET /containers/{id}/stats`` with cgroup v1 or v2. Rates come from two samples, since a one-shot answer has no
``precpu_stats``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pandas as pd

NOT_KNOWN = math.nan
MIN_SECONDS = 0.1  # below that, the resolution of the counters would look like load
_NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as 2⁶³ less a page


@dataclass(frozen=True)
class Sample:
    """The counters of a running container at one time (UTC, the engine's clock); None where the engine has no value.

    Memory is the working set; ``network`` maps each interface to the bytes it has received and sent.
    """

    time: datetime
    cpu_nanoseconds: int
    periods: int = 0
    throttled_periods: int = 0
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    network: Mapping[str, tuple[int, int]] | None = None
    block_read_bytes: int = 0
    block_write_bytes: int = 0
    pids: int | None = None


@dataclass(frozen=True)
class Usage:
    """The usage of a container; an unknown number is NaN (all are, while it does not run).

    ``state`` is ``running``, ``stopped`` or ``gone``. ``cpu_percent``: 100 is one core. ``throttled_percent``: the
    share of the scheduler's periods since the last sample in which the container was held back by its CPU limit, and
    ``throttled_periods`` their number. ``memory_bytes`` is the working set: the memory in use less the inactive file
    cache. Bytes of network and block devices are totals; the rates are those since the last sample.
    """

    time: datetime
    container: str
    state: str = "running"
    cpu_percent: float = NOT_KNOWN
    throttled_percent: float = NOT_KNOWN
    throttled_periods: float = NOT_KNOWN
    memory_bytes: float = NOT_KNOWN
    memory_limit_bytes: float = NOT_KNOWN
    network_rx_bytes: float = NOT_KNOWN
    network_tx_bytes: float = NOT_KNOWN
    network_rx_bytes_per_second: float = NOT_KNOWN
    network_tx_bytes_per_second: float = NOT_KNOWN
    block_read_bytes: float = NOT_KNOWN
    block_write_bytes: float = NOT_KNOWN
    block_read_bytes_per_second: float = NOT_KNOWN
    block_write_bytes_per_second: float = NOT_KNOWN
    pids: float = NOT_KNOWN


COLUMNS = tuple(column.name for column in fields(Usage))
DTYPES = {"time": "datetime64[us, UTC]", "container": "str", "state": "str"}  # all others: float64


def parse(response: Mapping[str, Any]) -> Sample | None:
    """Parse the engine's answer; None for a container that does not run (the engine answers with a stub)."""
    read = str(response.get("read", ""))
    if not read or read.startswith("0001-"):
        return None
    cpu = response.get("cpu_stats") or {}
    throttling = cpu.get("throttling_data") or {}
    limit = (response.get("memory_stats") or {}).get("limit")
    networks = response.get("networks")
    return Sample(
        time=datetime.fromisoformat(read),
        cpu_nanoseconds=(cpu.get("cpu_usage") or {}).get("total_usage", 0),
        periods=throttling.get("periods", 0),
        throttled_periods=throttling.get("throttled_periods", 0),
        memory_bytes=working_set(response.get("memory_stats") or {}),
        memory_limit_bytes=limit if limit and limit < _NO_LIMIT_BYTES else None,
        network=networks and {name: (one["rx_bytes"], one["tx_bytes"]) for name, one in networks.items()},
        block_read_bytes=_block(response, "read"),
        block_write_bytes=_block(response, "write"),
        pids=(response.get("pids_stats") or {}).get("current"),
    )


def working_set(memory: Mapping[str, Any]) -> int | None:
    """Return the bytes in use less the inactive file cache, as ``docker stats`` does; None without memory accounting.

    cgroup v1 has the sum of the group in ``total_inactive_file``; v2 has ``inactive_file`` and no ``cache``.
    """
    used: int | None = memory.get("usage")
    detail = memory.get("stats") or {}
    idle: int = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return used if used is None or idle >= used else used - idle


def usage(previous: Sample | None, current: Sample, container: str = "") -> Usage:
    """Return the usage between two samples of one container; rates are NaN without a previous one."""
    received, sent = _totals(current.network)
    row = Usage(
        current.time,
        container,
        memory_bytes=_known(current.memory_bytes),
        memory_limit_bytes=_known(current.memory_limit_bytes),
        network_rx_bytes=received,
        network_tx_bytes=sent,
        block_read_bytes=float(current.block_read_bytes),
        block_write_bytes=float(current.block_write_bytes),
        pids=_known(current.pids),
    )
    if previous is None or too_close(previous, current) or current.time < previous.time:  # a clock that was set back
        return row
    return _with_rates(row, previous, current)


def too_close(previous: Sample, current: Sample) -> bool:
    """Whether two samples are too close for a rate."""
    return 0 <= (current.time - previous.time).total_seconds() < MIN_SECONDS


def frame(rows: Iterable[Usage]) -> pd.DataFrame:
    """Return the rows as a table: one column a field of Usage, ``time`` in UTC, numbers as float64."""
    table = pd.DataFrame([tuple(vars(row).values()) for row in rows], columns=list(COLUMNS))
    return table.astype({name: DTYPES.get(name, "float64") for name in COLUMNS})


def increase(before: int, now: int) -> int:
    """Return the increase of a counter; one that went back began again at zero (a restarted container)."""
    return now - before if now >= before else now


def _with_rates(row: Usage, previous: Sample, current: Sample) -> Usage:
    seconds = (current.time - previous.time).total_seconds()
    periods = increase(previous.periods, current.periods)
    throttled = min(periods, increase(previous.throttled_periods, current.throttled_periods))
    received, sent = _network_increase(previous.network, current.network)
    return Usage(
        **{
            **vars(row),
            "cpu_percent": increase(previous.cpu_nanoseconds, current.cpu_nanoseconds) / 1e9 / seconds * 100,
            "throttled_percent": throttled / periods * 100 if periods else 0.0,
            "throttled_periods": float(throttled),
            "network_rx_bytes_per_second": received / seconds,
            "network_tx_bytes_per_second": sent / seconds,
            "block_read_bytes_per_second": increase(previous.block_read_bytes, current.block_read_bytes) / seconds,
            "block_write_bytes_per_second": increase(previous.block_write_bytes, current.block_write_bytes) / seconds,
        }
    )


def _network_increase(
    before: Mapping[str, tuple[int, int]] | None, now: Mapping[str, tuple[int, int]] | None
) -> tuple[float, float]:
    """Return bytes received and sent since the previous sample, over the interfaces of the current one."""
    if now is None:
        return NOT_KNOWN, NOT_KNOWN
    pairs = [((before or {}).get(name, (0, 0)), counters) for name, counters in now.items()]
    return (
        float(sum(increase(old[0], new[0]) for old, new in pairs)),
        float(sum(increase(old[1], new[1]) for old, new in pairs)),
    )


def _totals(network: Mapping[str, tuple[int, int]] | None) -> tuple[float, float]:
    if network is None:
        return NOT_KNOWN, NOT_KNOWN
    return float(sum(one[0] for one in network.values())), float(sum(one[1] for one in network.values()))


def _block(response: Mapping[str, Any], operation: str) -> int:
    """Sum over all devices; cgroup v1 writes ``Read``, v2 ``read``; without I/O the list is null or empty."""
    entries = (response.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return sum(entry["value"] for entry in entries if entry["op"].lower() == operation)


def _known(value: int | None) -> float:
    return NOT_KNOWN if value is None else float(value)
