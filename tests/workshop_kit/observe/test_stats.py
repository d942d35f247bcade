"""The arithmetic of statistics, over the engine's own answers and over any pair of samples."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workshop_kit.observe.stats import Sample, Usage, parse, usage

RECORDED = Path(__file__).parent / "recorded"
START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


def answer(name: str) -> dict[str, Any]:
    """A recorded answer of the engine."""
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return found


def sample(name: str) -> Sample:
    """The counters in a recorded answer of a running container."""
    found = parse(answer(name))
    assert found is not None
    return found


def test_cgroup_v1_under_a_cpu_limit() -> None:
    """A busy loop held to 0.2 cores on a busy machine: throttled nearly always, memory without the file it read."""
    row = usage(sample("v1_throttled_1"), sample("v1_throttled_2"), "shop")
    assert row.container == "shop"
    assert 12 < row.cpu_percent < 22
    assert row.throttled_percent > 80
    assert row.throttled_periods >= 8
    raw = answer("v1_throttled_2")["memory_stats"]
    assert row.memory_bytes == raw["usage"] - raw["stats"]["total_inactive_file"]
    assert 40e6 < row.memory_bytes < 80e6
    assert raw["usage"] > 100e6
    assert row.memory_limit_bytes == 256 * 1024**2
    assert row.pids == 1
    assert row.network_rx_bytes == answer("v1_throttled_2")["networks"]["eth0"]["rx_bytes"]


def test_cgroup_v2() -> None:
    """3 s of CPU in 2 s is 150 %; the inactive file cache is not in the working set; null counts as nothing read."""
    row = usage(sample("v2_1"), sample("v2_2"))
    assert row == Usage(
        time=START + timedelta(seconds=2),
        container="",
        cpu_percent=150.0,
        throttled_percent=75.0,
        throttled_periods=15.0,
        memory_bytes=104_857_600 - 33_554_432,
        memory_limit_bytes=268_435_456,
        network_rx_bytes=5000,
        network_tx_bytes=2500,
        network_rx_bytes_per_second=2000.0,
        network_tx_bytes_per_second=1000.0,
        block_read_bytes=8192,
        block_write_bytes=4096,
        block_read_bytes_per_second=4096.0,
        block_write_bytes_per_second=2048.0,
        pids=5,
    )


def test_a_stopped_container_has_no_sample() -> None:
    """The engine answers with a stub that looks like an answer."""
    assert parse(answer("v1_stopped")) is None
    assert parse({}) is None


def test_a_restarted_container_gives_no_spike() -> None:
    """Its counters began again: what they show now is what was used since, at most one core's limit here."""
    before, after = sample("v1_throttled_2"), sample("v1_throttled_restarted")
    assert after.cpu_nanoseconds < before.cpu_nanoseconds
    row = usage(before, after)
    assert 0 < row.cpu_percent <= 25
    assert 0 <= row.throttled_percent <= 100
    assert row.network_rx_bytes_per_second >= 0
