"""The event log records each event of real containers once, in order, and marks gaps."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.workshop_kit.observe.conftest import Relay, Start, connected
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe.events import GAP, Event, EventLog

pytestmark = pytest.mark.engine
IDLE = "import time; time.sleep(600)"


def wait_for(log: EventLog, holds: Callable[[Event], bool], within_seconds: float = 20.0) -> Event:
    """Return the first event for which ``holds``, past or coming."""
    deadline = time.monotonic() + within_seconds
    while not (found := [event for event in log.records() if holds(event)]):
        assert time.monotonic() < deadline, log.records()
        time.sleep(0.02)
    return found[0]


def names(log: EventLog, container_id: str) -> list[str]:
    """The engine's words for the events of one container."""
    return [event.what for event in log.records() if event.id == container_id]


def test_a_life_from_create_to_destroy(start: Start, engine: Engine, session: Session) -> None:
    """Everything a session's container goes through, with exit code and signal, and nothing twice."""
    with EventLog(engine, session.identity.session) as log:
        running = start("raise SystemExit(3)")
        died = wait_for(log, lambda event: event.what == "die")
        assert (died.exit_code, died.id, died.container) == (3, running.id, running.name)
        running.container.rename(f"{running.name}-old")
        sleeper = start(IDLE)
        sleeper.stop(timeout_seconds=0)
        assert wait_for(log, lambda event: event.what == "die" and event.id == sleeper.id).exit_code == 137
        sleeper.remove()
        running.remove()
        wait_for(log, lambda event: event.what == "destroy" and event.id == running.id)
    assert names(log, running.id) == ["create", "start", "die", "rename", "destroy"]
    seen = names(log, sleeper.id)
    assert seen[:2] == ["create", "start"]
    assert sorted(seen[2:]) == ["destroy", "die", "kill", "kill", "stop"]
    signals = {event.detail for event in log.records() if event.what == "kill" and event.id == sleeper.id}
    assert signals == {"15", "9"}
    now = datetime.now(tz=UTC)
    assert all(now - timedelta(seconds=90) < event.time < now + timedelta(seconds=5) for event in log.records())


def test_out_of_memory_is_an_event(start: Start, engine: Engine, session: Session) -> None:
    """The kill that explains an exit code of 137."""
    code = "kept = b'x' * 200_000_000"
    with EventLog(engine, session.identity.session) as log:
        running = start(code, memory_bytes=32 * 1024 * 1024)
        wait_for(log, lambda event: (event.what, event.id) == ("oom", running.id))
        assert wait_for(log, lambda event: (event.what, event.id) == ("die", running.id)).exit_code == 137


def test_health_changes_are_events_and_the_checks_are_not(start: Start, engine: Engine, session: Session) -> None:
    """The health check's own commands are left out."""
    second = 1_000_000_000
    test = "import os, sys; sys.exit(os.path.exists('/tmp/ill'))"
    check = {"Test": ["CMD", "python3", "-c", test], "Interval": second, "Timeout": 5 * second, "Retries": 1}
    with EventLog(engine, session.identity.session) as log:
        running = start(IDLE, healthcheck=check)
        wait_for(log, lambda event: (event.id, event.detail) == (running.id, "healthy"))
        running.exec("python3", "-c", "open('/tmp/ill', 'w')")
        wait_for(log, lambda event: (event.id, event.detail) == (running.id, "unhealthy"))
    assert set(names(log, running.id)) - {"create", "start"} == {"health_status"}


def test_containers_of_other_sessions_are_left_out(
    start: Start, engine: Engine, session: Session, images: dict[str, str]
) -> None:
    """The log keeps no event of a container without the session's label."""
    foreign = engine.client.containers.create(images["base"], ["true"])
    try:
        with EventLog(engine, session.identity.session) as log:
            foreign.start()
            foreign.wait()
            own = start(IDLE)
            wait_for(log, lambda event: (event.what, event.id) == ("start", own.id))
        assert foreign.id not in {event.id for event in log.records()}
    finally:
        foreign.remove(force=True)


def test_a_gap_is_recorded_and_events_are_caught_up_after_a_reconnection(
    start: Start, relay: Relay, session: Session
) -> None:
    """No event comes twice."""
    running = start(IDLE)
    with EventLog(connected(f"unix://{relay.address}"), session.identity.session) as log:
        running.container.pause()
        wait_for(log, lambda event: event.what == "pause")
        relay.cut()
        time.sleep(1)
        running.container.unpause()
        relay.listen()
        wait_for(log, lambda event: event.what == "unpause")
    seen = [event for event in log.records() if event.id in {running.id, ""}]
    assert [event.what for event in seen] == ["pause", GAP, "unpause"]
    assert "may have been missed" in seen[1].detail
