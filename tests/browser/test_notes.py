"""The instructor's notes, folded in a notebook."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab_page import LabPage
from workshop_kit.lessons import notes
from workshop_kit.workspace.content import INSTRUCTOR


def test_a_note_in_a_notebook_is_folded(lab: LabPage) -> None:
    """Its first line is seen with its color; a click shows the rest as formatted text."""
    notes.update_notebooks(lab.workspace)
    lab.open(f"{INSTRUCTOR}01_container")
    note = lab.cell(0)
    summary, text = note.locator("summary"), note.locator("details p")
    expect(summary).to_have_text("Instructor · 0:00 · title")
    expect(text).to_be_hidden()
    assert note.locator("details").evaluate("one => getComputedStyle(one).borderLeftWidth") == "6px"
    summary.click()
    expect(text).to_be_visible()
    expect(text).to_contain_text("In an hour you have a service")
    expect(note.locator("details strong")).to_have_text("Opening.")
    expect(note.locator("details code")).to_have_text("my_service")
    lab.screenshot("instructor notebook")
