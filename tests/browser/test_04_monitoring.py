"""Lesson 04 in JupyterLab: all of it at once; the storm, the pager, the lost customers, the live dashboard's end."""

from __future__ import annotations

import re
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
    *("throttle-log", "outside"),
    *("drained", "hold-table", "clock", "follow", "exercise-monitoring-throttled", "audit-naive", "board"),
)


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def percent(text: str) -> int:
    """A share as a table shows it: 12 %."""
    return int(text.removesuffix("%"))


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """Restart after restart, a check that hangs, somebody who is told, customers who are not lost: on the page."""
    lessons.run_all(lesson, LESSON, within_seconds=900)
    seen: dict[str, str | re.Pattern[str]] = {
        "without-redis": "no answer from redis",
        "reveal-storm": re.compile(
            r"restarts: \{'deep': ([2-9]|\d\d), 'shallow': 0\}.*'shallow': 0\}.*Restart after", re.DOTALL
        ),
        "hang": "no answer in time",
        "exercise-monitoring-deep": "Alive, or well?",
        "monitoring": "replica-db",
        "sidecar": re.compile(r'container_network_receive_bytes_total\{service="service",container="\w+"\} [1-9]'),
        "reveal-throttle": "CPU at its limit",
        "told": "ErrorBudgetBurnFast",
        "outside": re.compile(r"/health: 200 for ([1-8]\d|\d)% .*/livez: 200 for (9\d|100)% ", re.DOTALL),
        "follow": "POST /orders",
        "rule-live": re.compile(r"told \d+ s (before|after) the master went.*OrdersFail, ", re.DOTALL),
        "terminal": re.compile('probe="health".* => 1'),
    }
    lessons.expect_texts(lesson, LESSON, seen)
    asked, naive, ours = lessons.row(lesson, LESSON, "hang", "down redis")
    assert (asked, naive[:3], ours[:3]) == ("/health", "200", "503")
    rate, _ = lessons.row(lesson, LESSON, "places", "inside: requests a second")
    assert 10 < float(rate) < 30  # 20 were sent
    before, meanwhile = lessons.row(lesson, LESSON, "throttle-table", "periods in which it was held back")
    assert (percent(before) < 20, percent(meanwhile) > 20) == (True, True)
    lost = {seconds: int(lessons.row(lesson, LESSON, "drained", seconds)[3]) for seconds in ("0 s", "1.5 s")}
    assert (lost["0 s"] > 0, lost["1.5 s"]) == (True, 0)
    for what in ("restarts", "orders lost"):
        theirs, yours = map(int, lessons.row(lesson, LESSON, "hold-table", f"Redis is gone, for 8 s: {what}"))
        assert (theirs > 0, yours) == (True, 0)
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
