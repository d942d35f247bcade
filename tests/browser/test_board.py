"""The board and its jump in JupyterLab: by keys and mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, button

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("session")]

SETUP = 'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")\nw.up()'


def test_the_board_asks_and_jumps(lab: LabPage) -> None:
    """The focus is on the safe answer; after yes the lesson is at its start, and edited files are kept."""
    lab.show("01_container", [SETUP, "w.board()", "mine = 1"])
    lab.cell(2).locator(".cm-content").click()
    lab.page.keyboard.insert_text("# typed, not saved\n")
    board = lab.widget(1)
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
