"""What the audience sees: a figure on which faults have no name, and the lines of one request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.workshop_kit.display.recorded import Broken
from workshop_kit.display.timeline import Timeline
from workshop_kit.host import MIB
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.stats import Usage
from workshop_kit.observe.watcher import Tables, frame
from workshop_room.desk.audience_view import CHANGE, audience_timeline
from workshop_room.desk.log_lines import LogLine

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
REQUEST = {"level": "warning", "route": "/orders", "status": 503}


def second(number: int) -> datetime:
    """That many seconds before now."""
    return NOW - timedelta(seconds=number)


def shown(*faults: Broken) -> Timeline:
    """Two minutes of failing probes."""
    probes = ("/livez", "/health", "redis", "master-db")
    health = [Health(second(n), "service", what, "fail") for n in range(119, -1, -1) for what in probes]
    usage = [Usage(second(1), "service", cpu_percent=5.0, cpu_limit_percent=41.7, memory_limit_bytes=177 * MIB)]
    tables = Tables(health=frame(Health, health), resources=frame(Usage, usage))
    return audience_timeline(tables, faults, "service", NOW)


def test_overlapping_faults_are_one_band() -> None:
    """So they cannot be counted. One that ended before the time shown is none."""
    faults = [
        Broken("kill", "redis", second(60), second(30)),
        Broken("limits", "redis", second(55), second(45)),
        Broken("pause", "redis", second(40), None),
    ]
    assert [(band.started, band.ended) for band in shown(*faults).faults] == [(second(60), None)]
    assert "change" not in shown(Broken("kill", "redis", second(500), second(400))).text()


def test_nothing_that_the_audience_sees_names_a_fault() -> None:
    """No dependency has a row, no band a name, and no line the limit that a fault may have set."""
    text = shown(Broken("limits", "redis", second(60), None)).text()
    assert "/livez: fail since 11:58:01" in text
    assert f"{CHANGE} from 11:59:00 on." in text
    assert not [word for word in ("redis", "master-db", "0.417", "177") if word in text]


def test_lines_are_data_without_control_characters() -> None:
    """The page sets them as text, so markup stays text."""
    state = LogLine(NOW, {"msg": "<script>&\x1b[31m", "ts": "12:00", "status": 201}).state()
    assert state == {"grade": "other", "message": "<script>&\\x1b[31m", "details": [("status", "201")]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (REQUEST, "error"),
        (REQUEST | {"status": None}, "error"),
        (REQUEST | {"route": "/readyz"}, "warning"),
        ({"level": {}, "status": "503"}, "other"),
    ],
    ids=str,
)
def test_a_failed_request_is_an_error_whatever_its_level(fields: dict[str, Any], expected: str) -> None:
    """As in the metrics: status 500 and above, or none. Probes are not counted there; other lines have their level."""
    assert LogLine(NOW, fields).grade == expected
