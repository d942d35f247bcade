"""Lesson 03 in JupyterLab: all of it at once, hostile lines included, and the explorer used by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(900)]
LESSON = "03_logging"
PHOTOGRAPHED = (
    *("map", "deploy", "forged", "frame", "tail", "find", "explore", "panel-logging-cause", "look"),
    *("errors-chart", "latency-chart", "level", "jq", "hold-table", "losses", "board"),
)


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The lost tea, the forged line, the found request, three equal answers: on the page, and no script ran."""
    lessons.run_all(lesson, LESSON, within_seconds=420)
    seen = {
        "naive": "/tmp/service.log",
        "forged": "somebody sold the database",
        "frame": "/orders/teapot",
        "crowd": "exit 0",
        "collected": "logs/workshop/",
        "find": "invoices",
        "level": "debug",
        "jq": "/orders/{order_id} 404",
        "hold-table": "lines that a customer wrote",
        "exercise-logging-stdout": "One line, one event",
    }
    lessons.expect_texts(lesson, LESSON, seen)
    assert lesson.page.evaluate("window.__planted") is None
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
