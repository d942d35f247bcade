"""Lessons in JupyterLab: lesson 00 run cell by cell with clicks, and the board."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage

LESSON = "00_start"
position = partial(lessons.position, LESSON)


def run_to(lab: LabPage, first: str, last: str) -> None:
    """Run the code cells from one to the other, both included."""
    cells = lessons.cells(LESSON)
    for number in range(position(first), position(last) + 1):
        if cells[number]["cell_type"] == "code":
            lab.run_cell(number)


@pytest.mark.usefixtures("session")
def test_the_lesson_is_run_by_clicks(lab: LabPage) -> None:
    """The page shows the failure, the verdict on the guess, and at its end the board, which opens the next lesson."""
    lessons.open_untouched(lab, LESSON)
    run_to(lab, "setup", "predict")
    expect(lab.output(position("works"))).to_contain_text("'health check': 200, 'order': 201")
    question = lab.output(position("predict")).locator(".wk-live")
    question.get_by_role("button", name="Both fail").click()
    run_to(lab, "break", "reveal")
    broken = lab.output(position("break"))
    expect(broken.locator("tr", has_text=re.compile(r"health check\s*200\s*200"))).to_be_visible()
    expect(broken.locator("tr", has_text=re.compile(r"order\s*201\s*503"))).to_be_visible()
    verdict = lab.output(position("reveal"))
    expect(verdict).to_contain_text("Both fail: the check turns red.")
    expect(verdict).to_contain_text("The check answers 200, and every order fails.")
    lab.page.set_viewport_size({"width": 1280, "height": 860})
    lab.scroll_to_top(position("break"))
    lab.screenshot("00_start")
    run_to(lab, "honest", "board")
    board = lab.output(position("board"))
    expect(board).to_contain_text("container.dockerfile")
    lab.screenshot("00_start-end")
    board.get_by_role("link", name="01_container").click()
    expect(lab.page.get_by_role("heading", name=re.compile("^01 · "))).to_be_visible(timeout=120_000)
    assert lab.errors == []
