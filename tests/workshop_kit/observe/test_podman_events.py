"""Podman's events, as it sent them, say what Docker's do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.engine.recorded_engines import DOCKER_24, PODMAN, Recorded
from workshop_kit.observe import events
from workshop_kit.observe.events import EventLog

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
    found = EventLog(session.engine, session.identity.session).poll()
    assert [(one.what, one.detail) for one in found] == [("start", ""), ("health_status", "healthy"), ("die", "")]
    assert found[-1].exit_code == 137
    assert end[0] in asked
    assert asked[end[0]].endswith(end[1])
    assert len(asked) == 3
