"""Lesson 02 in JupyterLab: all of it at once, the hunt, the refusals, three environments, the exercises' panels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(600)]
LESSON = "02_configuration"
PHOTOGRAPHED = ("map", "hunt", "exercise-config-env", "form", "fail-chart", "three-table", "delivery", "hold", "board")


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    lab.open(LESSON)
    yield lab
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The password in the deleted file, the refusal, the narrow reader, the rotation: on the page."""
    lesson.menu("Run", "Run All Cells")
    prompt = lesson.cell(lessons.position(LESSON, "board")).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text(f"[{lessons.code_cells(LESSON)}]:", timeout=240_000)
    seen = {
        "hunt": "in the deleted file",
        "explain": "MASTER_DB_PASSWORD",
        "exercise-config-report": "Say everything at once",
        "fail-reveal": "configuration refused",
        "narrow": "may not read /workshop/production",
        "three-table": "TRADITIONAL",
        "rotate": "restarted",
        "emulator": "not-a-real-password",
        "tests-run": "1 failed, 3 passed",
        "hold": "in the Dockerfile",
    }
    for cell_id, text in seen.items():
        expect(lesson.output(lessons.position(LESSON, cell_id))).to_contain_text(text)
    photograph(lesson)
    assert lesson.errors == []


def photograph(lesson: LabPage) -> None:
    """Keep a picture of the outputs to look at, in both themes."""
    for dark in (False, True):
        lesson.theme(dark=dark)
        for cell_id in PHOTOGRAPHED:
            name = f"{LESSON}-{cell_id}-{'dark' if dark else 'light'}"
            lesson.screenshot(name, lesson.cell(lessons.position(LESSON, cell_id)))
