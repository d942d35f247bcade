"""The instructor's notes where they are read: folded in a notebook, and on a page to print."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab_page import LabPage
from workshop_kit.lessons import notes
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.content import INSTRUCTOR

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LONGER_THAN_A_PAGE = (
    "sections => sections.filter(one => one.getBoundingClientRect().height > 980).map(one => one.innerText)"
)
"""A4 at 96 dots to the inch, without its margins."""


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
    assert content.remove_instructor_notebooks(lab.workspace) == []


@pytest.mark.parametrize("lesson", ["00_start", "04_monitoring"])
def test_a_page_to_print(chromium: Browser, tmp_path: Path, lesson: str) -> None:
    """The minutes stand beside their notes, nothing is loaded, and no note is longer than a page, so none is broken."""
    page = chromium.new_page(viewport={"width": 690, "height": 980})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    path = notes.load_page(lesson, CHECKOUT).write(tmp_path)
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    minute, heading = (page.locator(f"section >> nth=1 >> {one}").bounding_box() for one in (".minute", "h2"))
    assert minute is not None
    assert heading is not None
    assert minute["x"] + minute["width"] <= heading["x"]
    assert page.locator("section").evaluate_all(LONGER_THAN_A_PAGE) == []
    assert asked == [path.as_uri()]
    page.close()
