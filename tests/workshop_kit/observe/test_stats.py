"""The arithmetic of statistics, and what real containers use."""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.workshop_kit.observe.conftest import Start
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.observe.engine_api import ContainerGone
from workshop_kit.observe.stats import Meter, Sample, Usage, parse, usage

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
MEBIBYTE = 1024 * 1024
IDLE = "import time; time.sleep(600)"


def sample(seconds: int, cpu_seconds: float, periods: int, throttled_periods: int, pids: int) -> Sample:
    """The counters in an answer of an engine on cgroup v2, some seconds after the start; null where it has nothing."""
    found = parse(
        {
            "read": f"2026-11-24T16:00:{seconds:02}.000000001Z",
            "cpu_stats": {
                "cpu_usage": {"total_usage": int(cpu_seconds * 1e9)},
                "throttling_data": {"periods": periods, "throttled_periods": throttled_periods},
            },
            "memory_stats": {
                "usage": 100 * MEBIBYTE,
                "limit": 256 * MEBIBYTE,
                "stats": {"file": 40 * MEBIBYTE, "inactive_file": 32 * MEBIBYTE},
            },
            "pids_stats": {"current": pids, "limit": 100},
            "blkio_stats": {"io_service_bytes_recursive": None},
        }
    )
    assert found is not None
    return found


def test_usage_is_what_came_between_two_samples() -> None:
    """3 s of CPU in 2 s is 150 %; the inactive file cache is not in the working set."""
    assert usage(sample(0, 2, 100, 20, pids=4), sample(2, 5, 120, 35, pids=5)) == Usage(
        time=START + timedelta(seconds=2),
        container="",
        cpu_percent=150.0,
        throttled_percent=75.0,
        throttled_periods=15.0,
        memory_bytes=68 * MEBIBYTE,
        memory_limit_bytes=256 * MEBIBYTE,
        pids=5,
    )


def test_a_restarted_container_gives_no_spike() -> None:
    """Its counters began again: what they show now is what was used since."""
    row = usage(sample(0, 5, 120, 35, pids=5), sample(2, 0.5, 11, 8, pids=1))
    assert row.cpu_percent == 25
    assert row.throttled_periods == 8


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
    address = "ssh://learner@far"
    client = docker.DockerClient(base_url=address, timeout=20, use_ssh_client=True)
    meter = Meter(Engine(client, Endpoint(address, "the test says so"), client.version()), "idle")
    read_until(meter, start(IDLE).id, lambda one: one.cpu_percent >= 0)
