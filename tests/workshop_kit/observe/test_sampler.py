"""Watching real containers: what they use is what is seen, and nothing that happens to them stops the watching."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from tests.private_engine import PrivateEngine
from tests.workshop_kit.observe.conftest import Relay, Start, alone, connected
from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import Engine
from workshop_kit.observe import stats
from workshop_kit.observe.sampler import Sampler
from workshop_kit.observe.wire import Away, asker

pytestmark = pytest.mark.engine
MEBIBYTE = 1024 * 1024
BUSY = "while True: pass"
IDLE = "import time; time.sleep(600)"


def until(holds: Callable[[], Any], within_seconds: float = 30) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def known(sampler: Sampler, column: str, container: Any = None) -> list[float]:
    """The numbers in a column that are known."""
    return [float(value) for value in sampler.frame(container)[column].dropna()]


@pytest.mark.alone
def test_a_busy_loop_is_one_core(start: Start, engine: Engine) -> None:
    """100 is one core; a second container that sleeps is seen beside it, by its own name."""
    busy, idle = start(BUSY, cpus=None), start(IDLE)
    with Sampler(engine, [busy, idle], interval_seconds=0.5) as sampler:
        until(lambda: len(known(sampler, "cpu_percent", busy)) >= 5)
        assert sampler.condition == "Sampling 2 containers every 0.5 s."
    # Others compute on this machine, too: a core is not always to be had, and never more than one is used.
    assert 40 < max(known(sampler, "cpu_percent", busy)) < 130
    assert max(known(sampler, "cpu_percent", idle)[1:]) < 20
    table = sampler.frame()
    assert set(table["container"]) == {busy.name, idle.name}
    assert table["time"].is_monotonic_increasing
    assert list(table.columns) == list(stats.COLUMNS)


@pytest.mark.alone
def test_a_cpu_limit_throttles(start: Start, engine: Engine) -> None:
    """0.2 cores for a busy loop: about 20 %, and held back in most periods."""
    with Sampler(engine, [start(BUSY, cpus=0.2)], interval_seconds=1) as sampler:
        until(lambda: len(known(sampler, "cpu_percent")) >= 4)
    assert 5 < max(known(sampler, "cpu_percent")[1:]) < 40
    assert max(known(sampler, "throttled_percent")) > 50
    assert max(known(sampler, "throttled_periods")) >= 3


def test_a_hog_shows_its_memory_and_its_limit(start: Start, engine: Engine) -> None:
    """60 MB held are seen, the limit stands beside them, and read-in files are not held against it."""
    hog = start("import time; kept = b'x' * 60_000_000; time.sleep(600)", memory_bytes=128 * MEBIBYTE)
    with Sampler(engine, [hog], interval_seconds=0.3) as sampler:
        until(lambda: max(known(sampler, "memory_bytes"), default=0) > 60e6)
    assert max(known(sampler, "memory_bytes")) < 90e6
    assert set(known(sampler, "memory_limit_bytes")) == {128 * MEBIBYTE}
    assert set(known(sampler, "pids")) == {1}


def test_network_bytes_are_counted(start: Start, engine: Engine) -> None:
    """2 MB fetched from a container: it has sent at least so much, at a rate that adds up."""
    server = start(
        "import http.server as h\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "  def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'x' * 2_000_000)\n"
        "h.HTTPServer(('', 8080), H).serve_forever()",
        ports=(8080,),
    )
    server.wait_ready("/")
    with Sampler(engine, [server], interval_seconds=0.5) as sampler:
        until(lambda: len(sampler.rows()) >= 2)
        before = max(known(sampler, "network_tx_bytes"))
        _fetch(server.url())
        until(lambda: max(known(sampler, "network_tx_bytes")) >= before + 2_000_000)
    assert max(known(sampler, "network_tx_bytes_per_second")) > 500_000
    assert max(known(sampler, "network_rx_bytes")) > 0


def test_stop_restart_and_removal_are_states_not_numbers(start: Start, engine: Engine) -> None:
    """Stopped: NaN, not zero. Started again: no negative number and no spike. Removed: one last row, then nothing."""
    running = start(BUSY, cpus=0.5)
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
        assert sampler.condition == "Sampling 0 containers every 0.3 s."
        time.sleep(0.7)
    table = sampler.frame()
    assert list(table["state"]).count("gone") == 1
    assert table[table["state"] != "running"].drop(columns=["time", "container", "state"]).isna().all(axis=None)
    assert table["cpu_percent"].min() >= 0
    assert table["cpu_percent"].max() < 100
    first_again = (table["state"] == "running") & (table["state"].shift() == "stopped")
    assert first_again.any()
    assert table[first_again]["cpu_percent"].isna().all()  # what was before the stop is no beginning


def test_a_late_container_joins_and_one_can_leave(start: Start, engine: Engine) -> None:
    """Added while it runs, under a name that the lesson uses; taken out, it leaves nothing."""
    with Sampler(engine, interval_seconds=0.2) as sampler:
        assert sampler.frame().empty
        late, other = start(IDLE), start(IDLE)
        sampler.add(late, "shop")
        sampler.add(other)
        sampler.add(other.container)
        until(lambda: len(sampler.rows(late)) >= 2 and len(sampler.rows(other)) >= 2)
        assert set(sampler.frame(late)["container"]) == {"shop"}
        sampler.remove(other)
        assert sampler.rows(other) == []
    assert sampler.condition == "The sampler is stopped."
    assert not sampler.frame().empty


def test_the_history_is_bounded(start: Start, engine: Engine) -> None:
    """No more rows than fit in the history; the last seconds can be had alone."""
    with Sampler(engine, [start(IDLE)], interval_seconds=0.1, history_seconds=1) as sampler:
        until(lambda: len(sampler.rows()) == 10)
        time.sleep(0.5)
        assert len(sampler.rows()) == 10
        until(lambda: 0 < len(sampler.rows(seconds=0.45)) < 8)


def test_an_engine_that_goes_away_is_waited_for(start: Start, relay: Relay) -> None:
    """It says so, nothing is raised, and it goes on when the engine is back."""
    engine = connected(f"unix://{relay.address}")
    with Sampler(engine, [start(IDLE)], interval_seconds=0.2) as sampler:
        until(lambda: len(sampler.rows()) >= 3)
        relay.cut()
        until(lambda: "has not answered since" in sampler.condition)
        seen = len(sampler.rows())
        relay.mend()
        until(lambda: len(sampler.rows()) >= seen + 3)
        assert sampler.condition == "Sampling 1 container every 0.2 s."
    assert sampler.frame()["cpu_percent"].dropna().between(0, 200).all()


def test_a_connection_that_was_closed_while_idle_is_opened_anew(relay: Relay) -> None:
    """One that breaks between two questions is nothing to speak of; an engine that is really away is said."""
    ask = asker(connected(f"unix://{relay.address}"))
    version = ask("/version")["Version"]
    relay.break_off()
    assert ask("/version")["Version"] == version
    relay.cut()
    with pytest.raises(Away):
        ask("/version")


def test_over_tcp(start: Start, engine: Engine) -> None:
    """Where there is no socket of this machine, the SDK finds the way."""
    relay = Relay(str(engine.endpoint.socket), socket.AF_INET, ("127.0.0.1", 0))
    sampled_over(f"tcp://127.0.0.1:{relay.address[1]}", start(IDLE))
    relay.cut()


def test_over_ssh(start: Start, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docker command at the far end is real, only the wire is short."""
    pytest.importorskip("paramiko", reason="the SDK reaches no engine over ssh without it")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec docker --host {engine.endpoint.address} system dial-stdio\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    sampled_over("ssh://learner@far", start(IDLE))


def sampled_over(address: str, running: Running) -> None:
    """A container can be sampled through an engine at that address."""
    with Sampler(connected(address), [running], interval_seconds=0.3) as sampler:
        until(lambda: len(known(sampler, "cpu_percent")) >= 2)


def test_an_engine_that_is_restarted(own_engine: PrivateEngine, images: dict[str, str]) -> None:
    """A real restart: the container is stopped by it, which is seen; started again, it is sampled again."""
    engine = connected(own_engine.address)
    container = alone(engine.client, images["base"], ["python3", "-c", BUSY])
    container.start()
    with Sampler(engine, [container], interval_seconds=0.3) as sampler:
        until(lambda: len(known(sampler, "cpu_percent")) >= 2)
        own_engine.stop()
        until(lambda: "has not answered since" in sampler.condition)
        own_engine.start()
        until(lambda: sampler.rows()[-1].state == "stopped")
        docker.DockerClient(base_url=own_engine.address).containers.get(container.id).start()
        until(lambda: sampler.rows()[-1].state == "running")
    container.remove(force=True)


def _fetch(url: str) -> None:
    assert len(httpx.get(url, trust_env=False).content) == 2_000_000
