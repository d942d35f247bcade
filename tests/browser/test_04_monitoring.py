"""Lesson 04 in JupyterLab: all of it at once; the storm, the pager, the lost customers, the live dashboard's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(1200)]
LESSON = "04_monitoring"
PHOTOGRAPHED = (
    *("map", "without-redis", "storm-chart", "reveal-storm", "hang", "exercise-monitoring-deep", "monitoring"),
    *("sidecar", "places", "red", "exercise-monitoring-ratio", "dashboard", "throttle-table", "leak", "told"),
    *("drained", "hold-table", "clock", "follow", "exercise-monitoring-throttled", "audit-naive", "board"),
)


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """Restart after restart, a check that hangs, somebody who is told, customers who are not lost: on the page."""
    lessons.run_all(lesson, LESSON, within_seconds=900)
    seen = {
        "without-redis": "no answer from redis",
        "reveal-storm": "Restart after restart",
        "hang": "no answer in time",
        "exercise-monitoring-deep": "Alive, or well?",
        "monitoring": "replica-db",
        "sidecar": "container_cpu_usage_seconds_total",
        "places": "probe_duration_seconds",
        "throttle-table": "requests that failed",
        "reveal-throttle": "CPU at its limit",
        "told": "HealthDown",
        "drained": "1.5 s",
        "hold-table": "Redis is gone: restarts",
        "follow": "POST /orders",
        "terminal": "probe_success",
    }
    lessons.expect_texts(lesson, LESSON, seen)
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
