"""Pages to print, printed: each is one sheet, on A4 and on Letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.lab_page import SCREENSHOTS
from workshop_kit.commands import COMMANDS
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS
from workshop_room.pages.handout import PrintedPage, load_pages

ADDRESS = "https://git.example.com/teaching/container-design-workshop.git"
SUMMARIES = {name: command.summary for name, command in COMMANDS.items()}
PAGE = re.compile(rb"/Type\s*/Page\b")


def sheets(chromium: Browser, page: PrintedPage, folder: Path) -> dict[str, int]:
    """Print a page, and return the number of its sheets for each size of paper."""
    tab = chromium.new_page()
    tab.goto(page.write(folder).as_uri())
    counts = {size: len(PAGE.findall(tab.pdf(format=size))) for size in ("A4", "Letter")}
    tab.close()
    return counts


@pytest.mark.parametrize("track", TRACKS)
def test_each_page_prints_on_one_sheet(chromium: Browser, track: str, tmp_path: Path) -> None:
    """All pages of a track; the cards are those of every track. The count sees a second sheet where there is one."""
    pages = load_pages(track, CHECKOUT, SUMMARIES, ADDRESS)
    if track != "full":
        pages = [page for page in pages if not page.name.startswith("preflight-")]
    printed = {page.name: sheets(chromium, page, tmp_path) for page in pages}
    assert printed == {page.name: {"A4": 1, "Letter": 1} for page in pages}
    twice = PrintedPage("twice.html", pages[0].html.replace("<main>", '<main style="height: 400mm">'))
    assert sheets(chromium, twice, tmp_path) == {"A4": 2, "Letter": 2}


def test_no_page_is_wider_than_a_phone(chromium: Browser, tmp_path: Path) -> None:
    """They are read on a screen, too, from 390 pixels on."""
    tab = chromium.new_page(viewport={"width": 390, "height": 800})
    for page in load_pages("full", CHECKOUT, SUMMARIES, ADDRESS):
        tab.goto(page.write(tmp_path).as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.name
        tab.screenshot(path=SCREENSHOTS / f"{Path(page.name).stem}.png", full_page=True)
    tab.close()
