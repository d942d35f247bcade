"""Lesson 03 in JupyterLab up to its explorer: a script that a customer planted in a log runs nowhere on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.long, pytest.mark.xdist_group("browser")]
LESSON = "03_logging"
AFTER = "panel-logging-cause"
PLANTED = "somebody sold the database"


def test_hostile_lines_stay_text_in_the_lesson(lab: LabPage, session: Session) -> None:
    """Tables, `docker logs` and the explorer show the planted line, and its script does not run."""
    lessons.open_untouched(lab, LESSON)
    lab.cell(lessons.position(LESSON, AFTER)).locator(".cm-content").click()
    lab.menu("Run", "Run All Above Selected Cell")
    lab.wait_until_run([*lessons.code_cells(LESSON, before=AFTER)][-1])
    explorer = lab.output(lessons.position(LESSON, "explore")).locator(".wk-live")
    explorer.get_by_role("searchbox").fill('"sold the database"')
    explorer.get_by_role("searchbox").press("Enter")
    expect(explorer.locator(".wk-lx-msg, .wk-lx-record").first).to_be_visible()
    lessons.expect_texts(lab, LESSON, {"forged": PLANTED, "structure": PLANTED, "frame": PLANTED})
    lessons.photograph(lab, LESSON, ("deploy", "forged", "structure", "frame", "tail", "find", "explore"))
    assert lab.page.evaluate("window.__planted") is None
    assert lab.errors == []
