"""The board with its jump, and the settings form, in JupyterLab: by keys and mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage, button
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Verdict

pytestmark = [
    pytest.mark.browser,
    pytest.mark.engine,
    pytest.mark.long,
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("session"),
]

SETUP = 'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")\nw.up()'
ID = "container.graceful"


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


def results(form: Locator) -> Locator:
    """The result of the settings."""
    return form.get_by_role("region", name="What came of it")


def test_form_and_board_while_a_cell_runs(lab: LabPage) -> None:
    """By keys: every problem is named, a near-miss too; good settings start; the board, seen again, is renewed."""
    lab.show("form", [SETUP, lessons.settings_form(), "w.board()", "import time"])
    lab.cell(3).locator(".cm-content").click()
    lab.page.keyboard.press("End")
    lab.page.keyboard.insert_text("; time.sleep(60)")
    lab.page.keyboard.press("Control+Enter")
    running = lab.prompt(3)
    expect(running).to_have_text("[*]:")
    row = lab.widget(2).get_by_role("row").filter(has_text=ID)
    expect(row).to_contain_text("not started")
    form = lab.widget(1)
    refused_with_keys(lab, form)
    button(form, "Back to the current settings").click()
    form.get_by_label("HTTP_PORT", exact=True).fill("9090")
    button(form, "Start with these settings").click()
    expect(form.get_by_role("progressbar")).to_be_visible()
    expect(results(form)).to_contain_text("It started: /readyz says 200")
    lab.screenshot("settings-ready", form)
    lab.page.set_viewport_size({"width": 1280, "height": 300})
    lab.cell(0)
    expect(row).not_to_be_in_viewport()
    Progress(lab.workspace.progress_path).record_check(ID, str(Verdict.PASSED))
    lab.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    lab.page.set_viewport_size({"width": 1280, "height": 900})
    lab.cell(2)
    expect(row).to_contain_text("✓ passed")
    expect(running).to_have_text("[*]:")
    assert lab.errors == []


def refused_with_keys(lab: LabPage, form: Locator) -> None:
    """Fill in two mistakes, leave a variable out, and start with Enter; each is named."""
    cells = lab.cell_count()
    expect(form.get_by_label("MASTER_DB_HOST", exact=True)).to_have_value("master-db")
    form.get_by_label("MASTER_DB_PORT", exact=True).fill("bad")
    form.get_by_label("Another variable").fill("MASTER_DB_HOTS=db")
    form.get_by_label("MASTER_DB_HOST", exact=True).focus()
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Space")
    expect(form.get_by_label("leave it out: MASTER_DB_HOST")).to_be_checked()
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(results(form)).to_contain_text("It refused to start: exit code 1, 3 problems")
    for said in (
        "MASTER_DB_PORT should be a valid integer",
        "did you mean MASTER_DB_HOST?",
        "MASTER_DB_HOST is not set",
    ):
        expect(results(form)).to_contain_text(said)
    expect(results(form)).to_have_attribute("aria-live", "polite")
    lab.screenshot("settings-refused", form)
    assert lab.cell_count() == cells
