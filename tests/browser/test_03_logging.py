"""Lesson 03 in JupyterLab: all of it at once, hostile lines included, and the explorer used by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
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
    lab.open(LESSON)
    yield lab
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The lost tea, the forged line, the found request, three equal answers: on the page, and no script ran."""
    lesson.menu("Run", "Run All Cells")
    prompt = lesson.cell(lessons.position(LESSON, "board")).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text(f"[{lessons.code_cells(LESSON)}]:", timeout=420_000)
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
    for cell_id, text in seen.items():
        expect(lesson.output(lessons.position(LESSON, cell_id))).to_contain_text(text)
    assert lesson.page.evaluate("window.__planted") is None
    photograph(lesson)
    assert lesson.errors == []


def photograph(lesson: LabPage) -> None:
    """Keep a picture of the outputs to look at, in both themes."""
    for dark in (False, True):
        lesson.theme(dark=dark)
        for cell_id in PHOTOGRAPHED:
            name = f"{LESSON}-{cell_id}-{'dark' if dark else 'light'}"
            lesson.screenshot(name, lesson.cell(lessons.position(LESSON, cell_id)))
