"""What the engine says of real containers: each event once, in order, and their usage; and Podman's events."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.workshop_kit.engine.recorded_engines import DOCKER_24, PODMAN, Recorded
from tests.workshop_kit.observe.conftest import Start
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe import events
from workshop_kit.observe.engine_api import ContainerGone
from workshop_kit.observe.events import Event, EventLog
from workshop_kit.observe.stats import Meter, Usage, usage
from workshop_kit.observe.watcher import Watcher, WatchTarget, frame, with_shares
from workshop_kit.patience import wait_for

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
MEBIBYTE = 1024 * 1024
IDLE = "import time; time.sleep(600)"
HOG = """
import os, time
while not os.path.exists("/tmp/eat"):
    time.sleep(0.02)
kept = b"x" * 200_000_000
"""


def answer(seconds: int, cpu_seconds: float, periods: int, throttled_periods: int) -> dict[str, Any]:
    """Return an answer of an engine on cgroup v2, some seconds after the start; null where it has nothing."""
    return {
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
        "blkio_stats": {"io_service_bytes_recursive": None},
    }


def test_usage_is_what_came_between_two_answers() -> None:
    """3 s of CPU in 2 s is 150 %; the inactive file cache is not in the working set; a restart is no spike."""
    assert usage(answer(0, 2, 100, 20), answer(2, 5, 120, 35)) == Usage(
        time=START + timedelta(seconds=2),
        container="",
        cpu_percent=150.0,
        throttled_percent=75.0,
        memory_bytes=68 * MEBIBYTE,
        memory_limit_bytes=256 * MEBIBYTE,
    )
    restarted = usage(answer(0, 5, 120, 35), answer(2, 0.5, 11, 8))
    assert restarted.cpu_percent == 25
    assert restarted.throttled_percent == pytest.approx(100 * 8 / 11)


def read_until(meter: Meter, container_id: str, holds: Callable[[Usage], Any]) -> Usage:
    """Read again and again until a condition holds."""
    return wait_for(lambda: [row for row in [meter.read(container_id)] if holds(row)], 60)[0]


@pytest.mark.engine
def test_a_container_at_its_limits_and_its_end(start: Start, engine: Engine) -> None:
    """A busy loop with 0.2 cores is held back; its memory is seen; stopped, it has no numbers; removed, it is gone."""
    code = "kept = b'x' * 60_000_000\nwhile True: pass"
    running = start(code, cpus=0.2, memory_bytes=128 * MEBIBYTE)
    meter = Meter(engine, "busy")
    # Between two reads that follow closely it may have run all the time, or not at all.
    row = read_until(meter, running.id, lambda usage: usage.throttled_percent > 0 and 1 < usage.cpu_percent < 50)
    read_until(meter, running.id, lambda usage: usage.memory_bytes > 60e6)
    assert (row.memory_bytes < 90e6, row.memory_limit_bytes) == (True, 128 * MEBIBYTE)
    running.container.stop(timeout=0)
    stopped = meter.read(running.id)
    assert (stopped.state, stopped.container) == ("stopped", "busy")
    numbers = [value for value in vars(stopped).values() if isinstance(value, float)]
    assert len(numbers) == 5
    assert all(math.isnan(value) for value in numbers)
    running.container.start()
    again = meter.read(running.id)
    assert (again.state, math.isnan(again.cpu_percent)) == ("running", True)  # no rate across a stop
    running.remove()
    with pytest.raises(ContainerGone):
        meter.read(running.id)


@pytest.mark.engine
def test_a_watcher_knows_the_cpu_limit(start: Start, engine: Engine, session: Session) -> None:
    """It reads the limit beside the usage."""
    target = WatchTarget("idle", id=start(IDLE, cpus=0.2).id)
    watcher = Watcher(engine, session.identity.workspace_id, target).start()
    watcher.stop()
    assert watcher.tables().resources["cpu_limit_percent"].iloc[0] == 20


@pytest.mark.engine
def test_over_ssh(start: Start, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ssh runs the real docker command on this machine."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec docker --host {engine.endpoint.address} system dial-stdio\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    address = "ssh://learner@far"
    client = docker.DockerClient(base_url=address, timeout=20, use_ssh_client=True)
    meter = Meter(Engine(client, Endpoint(address, "the test says so"), client.version()), "idle")
    read_until(meter, start(IDLE).id, lambda usage: usage.cpu_percent >= 0)


def test_a_limit_that_was_lowered_was_in_force_until_then() -> None:
    """Half a core of one, then of a twentieth: the row of the change counts the higher limit. No limit is a core."""
    measured = ((50, 100), (50, 5), (5, 5), (5, math.nan))
    rows = [Usage(START, "service", cpu_percent=used, cpu_limit_percent=limit) for used, limit in measured]
    assert with_shares(frame(Usage, rows))["cpu_percent"].tolist() == [50, 50, 100, 5]


class Follower:
    """The events of the test's session so far."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._log = EventLog(engine, session.identity.workspace_id)
        self.events: list[Event] = []

    def wait_for(self, what: str, container_id: str) -> Event:
        """Return the first such event, past or coming."""

        def matching_events() -> list[Event]:
            self.events += self._log.poll()
            return [event for event in self.events if (event.what, event.id) == (what, container_id)]

        return wait_for(matching_events, 60)[0]

    def names(self, container_id: str) -> list[str]:
        """The engine's words for the events of one container."""
        return [event.what for event in self.events if event.id == container_id]


def test_a_life_from_create_to_destroy(start: Start, engine: Engine, session: Session, images: dict[str, str]) -> None:
    """Exit code and kills, nothing twice, and nothing of a container without the session's label."""
    began = datetime.now(tz=UTC)
    follower = Follower(engine, session)
    foreign = engine.client.containers.create(images["base"], ["true"])
    foreign.start()
    running = start("raise SystemExit(3)")
    died = follower.wait_for("die", running.id)
    assert (died.exit_code, died.container) == (3, running.name)
    running.container.rename(f"{running.name}-old")
    sleeper = start(IDLE)
    sleeper.container.stop(timeout=0)
    assert follower.wait_for("die", sleeper.id).exit_code == 137
    foreign.remove(force=True)
    sleeper.remove()
    running.remove()
    follower.wait_for("destroy", running.id)
    assert follower.names(running.id) == ["create", "start", "die", "rename", "destroy"]
    names = follower.names(sleeper.id)
    assert names[:2] == ["create", "start"]
    assert sorted(names[2:]) == ["destroy", "die", "kill", "kill", "stop"]
    assert follower.names(foreign.id) == []
    hog = start(HOG, memory_bytes=32 * MEBIBYTE)
    hog.exec("touch", "/tmp/eat")  # now that it is started the engine watches its memory
    follower.wait_for("oom", hog.id)
    assert follower.wait_for("die", hog.id).exit_code == 137
    spare = timedelta(seconds=5)
    assert all(began - spare < event.time < datetime.now(tz=UTC) + spare for event in follower.events)


# Without an engine: a kill by the kernel, and what Podman sent.


@pytest.mark.parametrize(
    ("happened", "marked"),
    [
        (["start", "oom", "die 137"], ["oom", "die 137"]),
        (["start", "die 137"], ["die 137"]),  # an engine that sends no oom, or began to listen too late
        (["start", "die 1"], []),
        (["start", "kill", "kill", "die 137", "stop"], []),  # docker stop, then SIGKILL
        (["start", "die 137", "stop"], []),  # the same, as Podman tells it
        (["start", "kill", "die 137", "start", "die 137"], ["die 137"]),
    ],
)
def test_a_kill_by_the_kernel_is_known_with_and_without_its_event(happened: list[str], marked: list[str]) -> None:
    """An end with 137 is one, unless the engine sent that run a signal; another container's signal changes nothing."""
    rows = [Event(START, "neighbor", "b", "kill", "9")]
    for second, text in enumerate(happened):
        what, _, code = text.partition(" ")
        rows.append(Event(START + timedelta(seconds=second), "shop", "a", what, "", int(code) if code else None))
    table = frame(Event, rows)
    kills = table[events.out_of_memory(table)]
    assert [f"{row.what} {row.exit_code}" if row.what == "die" else row.what for row in kills.itertuples()] == marked
    assert not events.out_of_memory(frame(Event, ())).any()


SENT = (("start", ""), ("health_status", "healthy"), ("exec", ""), ("health_status", "healthy"), ("die", ""))


def message(number: int, action: str, health: str, labels: dict[str, str]) -> bytes:
    """An event of a container, without the labels of others."""
    code = {"exitCode": "137", "containerExitCode": "137"} if action == "die" else {}
    fields: dict[str, Any] = {"Type": "container", "Action": action, "timeNano": number}
    fields |= {"Actor": {"ID": "d3c0", "Attributes": {"name": "shop", "podId": "", **labels, **code}}}
    return json.dumps(fields | ({"HealthStatus": health} if health else {})).encode() + b"\n"


@pytest.mark.parametrize(("recorded", "end"), [(PODMAN, ("stream", "false")), (DOCKER_24, ("until", ""))])
def test_health_is_told_when_it_changes(
    recorded: Recorded, end: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman repeats it after every check, and calls a command inside ``exec``; each engine ends its answer."""
    session = recorded.session(tmp_path)
    asked: dict[str, Any] = {}

    def answer(_: Any, path: str, parameters: dict[str, Any]) -> Iterator[bytes]:
        asked.update(parameters)
        labels = session.labels("kernel")
        return iter([message(number, *event, labels) for number, event in enumerate(SENT)])

    monkeypatch.setattr(events, "chunks", answer)
    monkeypatch.setattr(events, "get_json", lambda *_: {"SystemTime": "2026-11-27T23:00:16+09:00"})
    session.engine.client.api = None
    log = EventLog(session.engine, session.identity.workspace_id)
    log_events = log.poll()
    assert log.poll() == []  # though the engine repeats what is recent
    pairs = [(event.what, event.detail) for event in log_events]
    assert pairs == [("start", ""), ("health_status", "healthy"), ("die", "")]
    assert log_events[-1].exit_code == 137
    assert end[0] in asked
    assert asked[end[0]].endswith(end[1])
    assert len(asked) == 3
