"""Lesson 00 in JupyterLab, run cell by cell with clicks."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine.session import Session

LESSON = "00_start"
position = partial(lessons.position, LESSON)


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
    """The page shows the failure, the verdict on the guess, and at its end the board."""
    run_to(lesson, "setup", "predict")
    expect(lesson.output(position("works"))).to_contain_text("'health check': 200, 'order': 201")
    question = lesson.output(position("predict")).locator(".wk-live")
    question.get_by_role("button", name="Both fail").click()
    run_to(lesson, "break", "reveal")
    broken = lesson.output(position("break"))
    expect(broken.locator("tr", has_text=re.compile(r"health check\s*200\s*200"))).to_be_visible()
    expect(broken.locator("tr", has_text=re.compile(r"order\s*201\s*503"))).to_be_visible()
    verdict = lesson.output(position("reveal"))
    expect(verdict).to_contain_text("Both fail: the check turns red.")
    expect(verdict).to_contain_text("The check answers 200, and every order fails.")
    lesson.page.set_viewport_size({"width": 1280, "height": 860})
    lesson.scroll_to_top(position("break"))
    lesson.screenshot("00_start")
    run_to(lesson, "honest", "board")
    expect(lesson.widget(position("board"))).to_contain_text("container.dockerfile")
    lesson.screenshot("00_start-end")
    assert lesson.errors == []
