"""Lesson 00 in JupyterLab, run cell by cell with clicks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.xdist_group("browser")]
LESSON = "00_start"


def position(cell_id: str) -> int:
    """Where a cell of the lesson stands, by its id."""
    return lessons.position(LESSON, cell_id)


def assert_honest(lesson: LabPage) -> None:
    """Without a database the naive service answers 200 everywhere, the stack's service on /livez alone."""
    honest = lesson.output(position("honest"))
    for path, naive, ours in (("/livez", 200, 200), ("/readyz", 200, 503), ("/health", 200, 503)):
        expect(honest.locator("tr", has_text=re.compile(rf"{path}\s*{naive}\s*{ours}"))).to_be_visible()


@pytest.fixture
def lesson(lab: LabPage, session: Session) -> LabPage:
    """The lesson, open and not run."""
    lessons.open_untouched(lab, LESSON)
    return lab


def run_to(lesson: LabPage, first: str, last: str) -> None:
    """Run the code cells from one to the other, both included."""
    cells = lessons.cells(LESSON)
    for number in range(position(first), position(last) + 1):
        if cells[number]["cell_type"] == "code":
            lesson.run_cell(number)


def test_the_lesson_is_run_by_clicks(lesson: LabPage) -> None:
    """The page shows the failure, the verdict on the guess, the recovery, and the answers to the three questions."""
    run_to(lesson, "setup", "predict")
    expect(lesson.output(position("works"))).to_contain_text("POST /orders → 201")
    question = lesson.output(position("predict")).locator(".wk-live")
    question.get_by_role("button", name="Its health check turns red").click()
    run_to(lesson, "break", "reveal")
    broken = lesson.output(position("break"))
    expect(broken).to_contain_text("I am fine!")
    expect(broken).to_contain_text("The customer gets nothing.")
    verdict = lesson.output(position("reveal"))
    expect(verdict).to_contain_text("Its health check turns red, and orders fail.")
    expect(verdict).to_contain_text("Its health check stays green, and every order fails.")
    lesson.page.set_viewport_size({"width": 1280, "height": 860})
    lesson.scroll_to_top(position("break"))
    lesson.screenshot("00_start")
    run_to(lesson, "honest", "board")
    assert_honest(lesson)
    expect(lesson.output(position("recover"))).to_contain_text("/readyz says 200")
    expect(lesson.output(position("ask-config"))).to_contain_text("/run/secrets/master_db_password")
    expect(lesson.output(position("ask-logs"))).to_contain_text("dependency down")
    expect(lesson.output(position("ask-monitoring"))).to_contain_text("healthy")
    expect(lesson.output(position("doctor"))).to_contain_text("This machine")
    expect(lesson.output(position("board")).locator(".wk-live")).to_contain_text("container.graceful")
    lesson.screenshot("00_start-end")
    assert lesson.errors == []
