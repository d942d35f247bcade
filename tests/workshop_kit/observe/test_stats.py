"""The arithmetic of statistics over the engine's recorded answers, and what real containers use."""

from __future__ import annotations

import json
import math
import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.observe.conftest import Start, connected
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import ContainerGone
from workshop_kit.observe.stats import Meter, Sample, Usage, parse, usage

RECORDED = Path(__file__).parent / "recorded"
START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
MEBIBYTE = 1024 * 1024
IDLE = "import time; time.sleep(600)"


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
    assert (row.container, row.memory_limit_bytes, row.pids) == ("shop", 256 * MEBIBYTE, 1)
    assert 12 < row.cpu_percent < 22
    assert row.throttled_percent > 80
    assert row.throttled_periods >= 8
    raw = answer("v1_throttled_2")["memory_stats"]
    assert row.memory_bytes == raw["usage"] - raw["stats"]["total_inactive_file"]
    assert 40e6 < row.memory_bytes < 80e6
    assert raw["usage"] > 100e6


def test_cgroup_v2() -> None:
    """3 s of CPU in 2 s is 150 %; the inactive file cache is not in the working set."""
    assert usage(sample("v2_1"), sample("v2_2")) == Usage(
        time=START + timedelta(seconds=2),
        container="",
        cpu_percent=150.0,
        throttled_percent=75.0,
        throttled_periods=15.0,
        memory_bytes=104_857_600 - 33_554_432,
        memory_limit_bytes=268_435_456,
        pids=5,
    )


def test_a_restarted_container_gives_no_spike() -> None:
    """Its counters began again: what they show now is what was used since, at most one core's limit here."""
    before, after = sample("v1_throttled_2"), sample("v1_throttled_restarted")
    assert after.cpu_nanoseconds < before.cpu_nanoseconds
    row = usage(before, after)
    assert 0 < row.cpu_percent <= 25
    assert 0 <= row.throttled_percent <= 100


def read_until(meter: Meter, container_id: str, holds: Callable[[Usage], Any]) -> Usage:
    """Read again and again until a condition holds."""
    deadline = time.monotonic() + 30
    while not holds(row := meter.read(container_id)):
        assert time.monotonic() < deadline, row
        time.sleep(0.3)
    return row


@pytest.mark.engine
def test_a_container_at_its_limits_and_its_end(start: Start, engine: Engine) -> None:
    """A busy loop with 0.2 cores is held back; its memory is seen; stopped, it has no numbers; removed, it is gone."""
    code = "kept = b'x' * 60_000_000\nwhile True: pass"
    running = start(code, cpus=0.2, memory_bytes=128 * MEBIBYTE)
    meter = Meter(engine, "busy")
    row = read_until(meter, running.id, lambda one: one.throttled_periods >= 1 and one.memory_bytes > 60e6)
    assert 1 < row.cpu_percent < 50
    assert (row.memory_bytes < 90e6, row.memory_limit_bytes, row.pids) == (True, 128 * MEBIBYTE, 1)
    running.container.stop(timeout=0)
    stopped = meter.read(running.id)
    assert (stopped.state, stopped.container) == ("stopped", "busy")
    assert all(math.isnan(value) for value in list(vars(stopped).values())[3:])
    running.container.start()
    again = meter.read(running.id)
    assert (again.state, math.isnan(again.cpu_percent)) == ("running", True)  # no rate across a stop
    running.remove()
    with pytest.raises(ContainerGone):
        meter.read(running.id)


@pytest.mark.engine
def test_over_ssh(start: Start, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ssh runs the real docker command on this machine."""
    pytest.importorskip("paramiko", reason="the SDK reaches no engine over ssh without it")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec docker --host {engine.endpoint.address} system dial-stdio\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    meter = Meter(connected("ssh://learner@far"), "idle")
    read_until(meter, start(IDLE).id, lambda one: one.cpu_percent >= 0)
