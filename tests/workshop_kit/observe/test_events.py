"""The event log has each event of real containers once, in order; Podman's events, as it sent them, say the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.engine.recorded_engines import DOCKER_24, PODMAN, Recorded
from tests.workshop_kit.observe.conftest import Start
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe import events
from workshop_kit.observe.events import Event, EventLog

IDLE = "import time; time.sleep(600)"


class Follower:
    """The events of the test's session so far."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._log = EventLog(engine, session.identity.session)
        self.events: list[Event] = []

    def wait_for(self, what: str, container_id: str) -> Event:
        """Return the first such event, past or coming."""
        deadline = time.monotonic() + 20
        while not (found := [event for event in self.events if (event.what, event.id) == (what, container_id)]):
            assert time.monotonic() < deadline, self.events
            time.sleep(0.1)
            self.events += self._log.poll()
        return found[0]

    def names(self, container_id: str) -> list[str]:
        """The engine's words for the events of one container."""
        return [event.what for event in self.events if event.id == container_id]


@pytest.fixture
def follower(engine: Engine, session: Session) -> Follower:
    """A log that begins with the test."""
    return Follower(engine, session)


def test_a_life_from_create_to_destroy(
    start: Start, engine: Engine, follower: Follower, images: dict[str, str]
) -> None:
    """Exit code and signals, nothing twice, and nothing of a container without the session's label."""
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
    seen = follower.names(sleeper.id)
    assert seen[:2] == ["create", "start"]
    assert sorted(seen[2:]) == ["destroy", "die", "kill", "kill", "stop"]
    assert {one.detail for one in follower.events if one.what == "kill" and one.id == sleeper.id} == {"15", "9"}
    assert follower.names(foreign.id) == []
    now = datetime.now(tz=UTC)
    assert all(now - timedelta(seconds=90) < event.time < now + timedelta(seconds=5) for event in follower.events)


def test_a_container_killed_for_memory(start: Start, follower: Follower) -> None:
    """The event that explains an exit code of 137."""
    hog = start("kept = b'x' * 200_000_000", memory_bytes=32 * 1024 * 1024)
    follower.wait_for("oom", hog.id)
    assert follower.wait_for("die", hog.id).exit_code == 137


# Without an engine: what Podman sent.

SENT = (("start", ""), ("health_status", "healthy"), ("exec", ""), ("health_status", "healthy"), ("die", ""))


def message(number: int, action: str, health: str, labels: dict[str, str]) -> bytes:
    """An event of a container, without the labels of others."""
    code = {"exitCode": "137", "containerExitCode": "137"} if action == "die" else {}
    fields: dict[str, Any] = {"Type": "container", "Action": action, "timeNano": number}
    fields |= {"Actor": {"ID": "d3c0", "Attributes": {"name": "shop", "podId": "", **labels, **code}}}
    return json.dumps(fields | ({"HealthStatus": health} if health else {})).encode() + b"\n"


@pytest.mark.parametrize(("engine", "end"), [(PODMAN, ("stream", "false")), (DOCKER_24, ("until", ""))])
def test_health_is_told_when_it_changes(
    engine: Recorded, end: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman repeats it after every check, and calls a command inside ``exec``; each engine ends its answer."""
    session = engine.session(tmp_path)
    asked: dict[str, Any] = {}

    def answer(_: Any, path: str, parameters: dict[str, Any]) -> Iterator[bytes]:
        asked.update(parameters)
        labels = session.labels("kernel")
        return iter([message(number, *one, labels) for number, one in enumerate(SENT)])

    monkeypatch.setattr(events, "chunks", answer)
    monkeypatch.setattr(events, "get_json", lambda *_: {"SystemTime": "2026-11-27T23:00:16+09:00"})
    session.engine.client.api = None
    log = EventLog(session.engine, session.identity.session)
    found = log.poll()
    assert log.poll() == []  # though the engine repeats what is recent
    assert [(one.what, one.detail) for one in found] == [("start", ""), ("health_status", "healthy"), ("die", "")]
    assert found[-1].exit_code == 137
    assert end[0] in asked
    assert asked[end[0]].endswith(end[1])
    assert len(asked) == 3
