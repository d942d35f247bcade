"""The engine's events of real containers: each once, in order, and a gap is said."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.workshop_kit.observe.conftest import Relay, Start, connected
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe.events import GAP, EventLog

pytestmark = pytest.mark.engine
IDLE = "import time; time.sleep(600)"


def whats(log: EventLog, container_id: str) -> list[str]:
    """What happened to one container."""
    return [event.what for event in log.records() if event.id == container_id]


def test_a_life_from_create_to_destroy(start: Start, engine: Engine, session: Session) -> None:
    """Everything a session's container goes through, with exit code and signal, and nothing twice."""
    with EventLog(engine, session=session.identity.session) as log:
        running = start("raise SystemExit(3)")
        died = log.wait_for(lambda event: event.what == "die")
        assert (died.exit_code, died.id, died.container) == (3, running.id, running.name)
        running.container.rename(f"{running.name}-old")
        sleeper = start(IDLE)
        sleeper.stop(timeout_seconds=0)
        assert log.wait_for(lambda event: event.what == "die" and event.id == sleeper.id).exit_code == 137
        sleeper.remove()
        running.remove()
        log.wait_for(lambda event: event.what == "destroy" and event.id == running.id)
    assert whats(log, running.id) == ["create", "start", "die", "rename", "destroy"]
    seen = whats(log, sleeper.id)
    assert seen[:2] == ["create", "start"]
    assert sorted(seen[2:]) == ["destroy", "die", "kill", "kill", "stop"]
    signals = {event.detail for event in log.records() if event.what == "kill" and event.id == sleeper.id}
    assert signals == {"15", "9"}
    now = datetime.now(tz=UTC)
    assert all(now - timedelta(seconds=90) < event.time < now + timedelta(seconds=5) for event in log.records())


def test_out_of_memory_is_an_event(start: Start, engine: Engine) -> None:
    """The kill that explains an exit code of 137."""
    code = "kept = b'x' * 200_000_000"
    running = start(code, memory_bytes=32 * 1024 * 1024)
    with EventLog(engine, [running], since=running.last_start()) as log:
        log.wait_for(lambda event: event.what == "oom")
        assert log.wait_for(lambda event: event.what == "die").exit_code == 137


def test_health_changes_are_events_and_the_checks_are_not(start: Start, engine: Engine) -> None:
    """Turned healthy, then unhealthy; the hundreds of commands of the checks themselves are left out."""
    second = 1_000_000_000
    test = "import os, sys; sys.exit(os.path.exists('/tmp/ill'))"
    check = {"Test": ["CMD", "python3", "-c", test], "Interval": second, "Timeout": 5 * second, "Retries": 1}
    running = start(IDLE, healthcheck=check)
    with EventLog(engine, [running], since=running.last_start()) as log:
        log.wait_for(lambda event: (event.what, event.detail) == ("health_status", "healthy"))
        running.exec("python3", "-c", "open('/tmp/ill', 'w')")
        log.wait_for(lambda event: (event.what, event.detail) == ("health_status", "unhealthy"))
    assert set(whats(log, running.id)) - {"start"} == {"health_status"}


def test_others_containers_are_not_ours(start: Start, engine: Engine, session: Session, images: dict[str, str]) -> None:
    """Neither an unlabeled container's events nor those of one that is not given."""
    given = start(IDLE)
    foreign = engine.client.containers.create(images["base"], ["true"])
    try:
        with EventLog(engine, [given]) as only_given, EventLog(engine, session=session.identity.session) as of_session:
            foreign.start()
            foreign.wait()
            other = start(IDLE)
            given.stop(timeout_seconds=0)
            for log in (only_given, of_session):
                log.wait_for(lambda event: event.what == "stop")
        assert {event.id for event in only_given.records()} == {given.id}
        ids = {event.id for event in of_session.records()}  # the session has a stack, too
        assert {given.id, other.id} <= ids
        assert foreign.id not in ids
    finally:
        foreign.remove(force=True)


def test_a_cut_connection_is_mended_and_said(start: Start, relay: Relay) -> None:
    """What happened meanwhile is caught up, nothing comes twice, and the gap stands in the record."""
    running = start(IDLE)
    with EventLog(connected(f"unix://{relay.address}"), [running]) as log:
        running.container.pause()
        log.wait_for(lambda event: event.what == "pause")
        relay.cut()
        deadline = time.monotonic() + 20
        while "has not answered" not in log.condition:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.container.unpause()
        relay.mend()
        log.wait_for(lambda event: event.what == "unpause")
    assert [event.what for event in log.records()] == ["pause", GAP, "unpause"]
    assert "may have been missed" in log.records()[1].detail
