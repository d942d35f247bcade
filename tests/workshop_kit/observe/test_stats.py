"""The arithmetic of statistics, over the engine's own answers and over any pair of samples."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.observe import stats
from workshop_kit.observe.stats import Sample, Usage, parse, usage

RECORDED = Path(__file__).parent / "recorded"
START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
RATES = (
    "cpu_percent",
    "throttled_percent",
    "throttled_periods",
    "network_rx_bytes_per_second",
    "network_tx_bytes_per_second",
    "block_read_bytes_per_second",
    "block_write_bytes_per_second",
)


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


@pytest.mark.parametrize("name", ["v1_throttled_1", "v2_1"])
def test_the_first_sample_has_no_rates(name: str) -> None:
    """What is known at once is there; what needs two samples is NaN, not zero."""
    row = usage(None, sample(name))
    assert all(math.isnan(getattr(row, rate)) for rate in RATES)
    assert row.memory_bytes > 0
    assert row.network_rx_bytes > 0


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


def test_without_a_network_its_numbers_are_not_known() -> None:
    """NaN, since there is no interface that could have counted zero."""
    one = sample("v1_no_network")
    row = usage(one, replace(one, time=one.time + timedelta(seconds=1)))
    assert math.isnan(row.network_rx_bytes)
    assert math.isnan(row.network_rx_bytes_per_second)
    assert row.cpu_percent == 0
    assert row.throttled_percent == 0  # no limit, no periods, never throttled


def test_a_reconnected_interface_counts_from_zero() -> None:
    """A network that is taken away and given back gives what came since, not a negative number."""
    before = Sample(START, 0, network={"eth0": (5000, 500), "eth1": (100, 100)})
    away = Sample(START + timedelta(seconds=1), 0, network={"eth1": (150, 100)})
    back = Sample(START + timedelta(seconds=2), 0, network={"eth0": (40, 4), "eth1": (150, 100)})
    assert usage(before, away).network_rx_bytes_per_second == 50
    assert usage(away, back).network_rx_bytes_per_second == 40
    assert usage(before, back).network_rx_bytes_per_second == (40 + 50) / 2


def test_block_devices_are_summed_and_only_reads_and_writes_count() -> None:
    """cgroup v1 also reports Sync, Async and Total, which would count everything twice."""
    entries = [
        {"major": 254, "minor": minor, "op": op, "value": value}
        for minor in (0, 16)
        for op, value in (("Read", 100), ("Write", 10), ("Sync", 90), ("Async", 20), ("Total", 110))
    ]
    found = parse({**answer("v1_throttled_1"), "blkio_stats": {"io_service_bytes_recursive": entries}})
    assert found is not None
    assert (found.block_read_bytes, found.block_write_bytes) == (200, 20)


def test_no_limit_is_not_a_number() -> None:
    """The kernel's way to write "no limit" would ruin every axis."""
    raw = answer("v1_throttled_1")
    raw["memory_stats"]["limit"] = 9223372036854771712
    found = parse(raw)
    assert found is not None
    assert found.memory_limit_bytes is None
    assert math.isnan(usage(None, found).memory_limit_bytes)


def test_memory_that_is_not_accounted_is_not_known() -> None:
    """Some kernels have the memory controller off: the engine answers with an empty object."""
    found = parse({**answer("v1_throttled_1"), "memory_stats": {}})
    assert found is not None
    assert math.isnan(usage(None, found).memory_bytes)


def test_a_clock_that_was_set_back_and_samples_too_close_give_no_rates() -> None:
    """A difference of nothing, or of less than nothing, is no time to divide by."""
    one = sample("v2_2")
    for seconds in (0, 0.01, -3600):
        row = usage(one, replace(one, time=one.time + timedelta(seconds=seconds), cpu_nanoseconds=10**12))
        assert math.isnan(row.cpu_percent)


COUNTER = st.integers(0, 2**62)
NETWORK = st.none() | st.dictionaries(st.sampled_from(["eth0", "eth1", "net2"]), st.tuples(COUNTER, COUNTER))
SAMPLES = st.builds(
    Sample,
    time=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    cpu_nanoseconds=COUNTER,
    periods=COUNTER,
    throttled_periods=COUNTER,
    memory_bytes=st.none() | COUNTER,
    memory_limit_bytes=st.none() | COUNTER,
    network=NETWORK,
    block_read_bytes=COUNTER,
    block_write_bytes=COUNTER,
    pids=st.none() | COUNTER,
)


@given(st.none() | SAMPLES, SAMPLES)
def test_no_number_is_ever_negative(previous: Sample | None, current: Sample) -> None:
    """Whatever two samples say, in whichever order: every number is zero, more, or not known."""
    row = usage(previous, current)
    numbers = [value for value in vars(row).values() if isinstance(value, (int, float))]
    assert len(numbers) == len(stats.COLUMNS) - 3
    assert all(math.isnan(number) or number >= 0 for number in numbers)
    assert math.isnan(row.throttled_percent) or row.throttled_percent <= 100


@given(COUNTER, st.integers(0, 2**62))
def test_a_counter_grows_by_what_was_added(before: int, added: int) -> None:
    """Without a restart the increase is exact; with one it is never more than what the new counter shows."""
    assert stats.increase(before, before + added) == added
    assert stats.increase(before + added + 1, added) == added


@given(st.lists(st.builds(usage, st.none(), SAMPLES, st.text(max_size=5)), max_size=5))
def test_the_frame_has_the_documented_columns_and_types(rows: list[Usage]) -> None:
    """Also when it is empty: a chart drawn before the first sample finds its columns."""
    table = stats.frame(rows)
    assert tuple(table.columns) == stats.COLUMNS
    assert len(table) == len(rows)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        name: stats.DTYPES.get(name, "float64") for name in stats.COLUMNS
    }
    assert [moment.to_pydatetime() for moment in table["time"]] == [row.time for row in rows]
