"""The sampler measures what real containers use, and goes on whatever happens to them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.observe.conftest import Relay, Start, connected
from workshop_kit.engine.reach import Engine
from workshop_kit.observe import stats
from workshop_kit.observe.sampler import Sampler

pytestmark = pytest.mark.engine
MEBIBYTE = 1024 * 1024
BUSY = "while True: pass"
IDLE = "import time; time.sleep(600)"


def until(holds: Callable[[], Any], within_seconds: float = 30) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def known(sampler: Sampler, column: str, container: Any = None) -> list[float]:
    """The numbers in a column, without NaN: of one container or all."""
    table = sampler.frame()
    rows = table if container is None else table[table["container"] == container.name]
    return [float(value) for value in rows[column].dropna()]


def test_a_cpu_limit_throttles(start: Start, engine: Engine) -> None:
    """A busy loop with 0.2 cores is held back and never gets more; a container that sleeps is seen beside it."""
    busy, idle = start(BUSY, cpus=0.2), start(IDLE)
    with Sampler(engine, [busy, idle], interval_seconds=0.5) as sampler:
        until(lambda: max(known(sampler, "throttled_periods", busy), default=0) >= 1)
        until(lambda: max(known(sampler, "cpu_percent", busy)[1:], default=0) > 1)
        until(lambda: len(known(sampler, "cpu_percent", idle)) >= 2)
    assert max(known(sampler, "cpu_percent", busy)[1:]) < 50
    assert known(sampler, "cpu_percent", idle)[-1] < max(known(sampler, "cpu_percent", busy))
    assert max(known(sampler, "throttled_percent", idle)) == 0
    table = sampler.frame()
    assert set(table["container"]) == {busy.name, idle.name}
    assert list(table.columns) == list(stats.COLUMNS)


def test_a_hog_shows_its_memory_and_its_limit(start: Start, engine: Engine) -> None:
    """The working set is at least the 60 MB that it holds, without the file cache."""
    hog = start("import time; kept = b'x' * 60_000_000; time.sleep(600)", memory_bytes=128 * MEBIBYTE)
    with Sampler(engine, [hog], interval_seconds=0.3) as sampler:
        until(lambda: max(known(sampler, "memory_bytes"), default=0) > 60e6)
    assert max(known(sampler, "memory_bytes")) < 90e6
    assert set(known(sampler, "memory_limit_bytes")) == {128 * MEBIBYTE}
    assert set(known(sampler, "pids")) == {1}


def test_a_stopped_or_removed_container_gives_nan_and_a_state(start: Start, engine: Engine) -> None:
    """Stopped: NaN, not zero. Started again: no negative number and no spike. Removed: one last row, then nothing."""
    running = start(BUSY, cpus=0.2)
    with Sampler(engine, [running], interval_seconds=0.3) as sampler:
        until(lambda: len(known(sampler, "cpu_percent")) >= 3)
        running.stop(timeout_seconds=0)
        until(lambda: sampler.rows()[-1].state == "stopped")
        running.container.start()
        until(lambda: sampler.rows()[-1].state == "running")
        running.container.restart(timeout=0)
        seen = len(known(sampler, "cpu_percent"))
        until(lambda: len(known(sampler, "cpu_percent")) >= seen + 3)
        running.remove()
        until(lambda: sampler.rows()[-1].state == "gone")
        time.sleep(0.7)
    table = sampler.frame()
    assert list(table["state"]).count("gone") == 1
    assert table[table["state"] != "running"].drop(columns=["time", "container", "state"]).isna().all(axis=None)
    assert table["cpu_percent"].min() >= 0
    assert table["cpu_percent"].max() < 100
    first_again = (table["state"] == "running") & (table["state"].shift() == "stopped")
    assert first_again.any()
    assert table[first_again]["cpu_percent"].isna().all()  # no rate across a stop


def test_the_sampler_goes_on_after_the_engine_was_unavailable(start: Start, relay: Relay) -> None:
    """Nothing is raised meanwhile."""
    engine = connected(f"unix://{relay.address}")
    with Sampler(engine, [start(IDLE)], interval_seconds=0.2) as sampler:
        until(lambda: len(sampler.rows()) >= 3)
        relay.cut()
        time.sleep(1)
        seen = len(sampler.rows())
        relay.mend()
        until(lambda: len(sampler.rows()) >= seen + 3)
    assert sampler.frame()["cpu_percent"].dropna().between(0, 200).all()


def test_over_ssh(start: Start, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ssh runs the real docker command on this machine."""
    pytest.importorskip("paramiko", reason="the SDK reaches no engine over ssh without it")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec docker --host {engine.endpoint.address} system dial-stdio\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with Sampler(connected("ssh://learner@far"), [start(IDLE)], interval_seconds=0.3) as sampler:
        until(lambda: len(known(sampler, "cpu_percent")) >= 2)
