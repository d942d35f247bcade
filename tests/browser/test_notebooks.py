"""Lessons in JupyterLab: lesson 00 run cell by cell with clicks, an instructor's notebook, the board and its jump."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage, button

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
    """The page shows the failure, the verdict on the guess, and at its end the board."""
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
    expect(lab.widget(position("board"))).to_contain_text("container.dockerfile")
    lab.screenshot("00_start-end")
    assert lab.errors == []


SETUP = 'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")\nw.up()'


@pytest.mark.long
@pytest.mark.usefixtures("session")
def test_the_board_asks_and_jumps(lab: LabPage) -> None:
    """The focus is on the safe answer; after yes the lesson is at its start, and edited files are kept."""
    lab.show("01_container", [SETUP, "w.board()", "mine = 1"])
    lab.cell(2).locator(".cm-content").click()
    lab.page.keyboard.insert_text("# typed, not saved\n")
    board = lab.widget(1)
    expect(button(board, "Go to the start of 00_start")).to_be_hidden()
    lab.screenshot("board", lab.output(1))
    board.get_by_text("Start a lesson over").click()
    assert 'group "Go to the start of a lesson"' in board.aria_snapshot()
    cells = lab.cell_count()
    button(board, "Go to the start of 00_start").focus()
    lab.page.keyboard.press("Tab")
    expect(button(board, "Go to the start of 01_container")).to_be_focused()
    for key in ("b", "a", "d", "d"):
        lab.page.keyboard.press(key)
    lab.page.keyboard.press("Enter")
    expect(button(board, "Stay here")).to_be_focused()
    assert "Your files of this and later lessons are kept aside" in board.aria_snapshot()
    lab.screenshot("board-asks", board)
    lab.page.keyboard.press("Escape")
    expect(button(board, "Go to the start of 01_container")).to_be_focused()
    expect(button(board, "Stay here")).to_have_count(0)
    assert lab.cell_count() == cells
    lab.page.keyboard.press("Enter")
    button(board, "Yes, go there").click()
    expect(lab.page.get_by_role("heading", name=re.compile("^01 · "))).to_be_visible(timeout=120_000)
    note = lab.page.locator(".Toastify__toast", has_text="01_container is at its start.")
    expect(note).to_contain_text(re.compile(r"is in kept/[-_0-9]+\."))
    kept = list(lab.workspace.folder.glob("kept/*/notebooks/01_container.ipynb"))
    assert any("# typed, not saved" in path.read_text() for path in kept)
    expect(lab.page.get_by_role("button", name=re.compile("Overwrite|Revert"))).to_have_count(0)
    lab.save()
    assert lab.errors == []
