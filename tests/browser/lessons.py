"""The committed lessons, as the tests address them: by the ids of their cells; and what every lesson's test does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import expect

from tests.browser.lab_page import LabPage
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import CHECKOUT, Workspace


def cells(lesson: str) -> list[dict[str, Any]]:
    """The cells of a lesson as committed."""
    document = json.loads((CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_text())
    return list(document["cells"])


def position(lesson: str, cell_id: str) -> int:
    """Where a cell stands, counted from 0, text cells included."""
    return [cell["id"] for cell in cells(lesson)].index(cell_id)


def code_cells(lesson: str) -> int:
    """How many code cells it has: the number beside the last one after a first run of all."""
    return sum(cell["cell_type"] == "code" for cell in cells(lesson))


@contextmanager
def opened(lab: LabPage, workspace: Workspace, lesson: str) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    lab.open(lesson)
    yield lab
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def run_all(page: LabPage, lesson: str, *, within_seconds: int) -> None:
    """Run all cells, and wait until the last one has its number: none has failed."""
    page.menu("Run", "Run All Cells")
    prompt = page.cell(position(lesson, "board")).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text(f"[{code_cells(lesson)}]:", timeout=within_seconds * 1000)


def expect_texts(page: LabPage, lesson: str, seen: Mapping[str, str | re.Pattern[str]]) -> None:
    """What each of these cells (by id) shows contains this text."""
    for cell_id, text in seen.items():
        expect(page.output(position(lesson, cell_id))).to_contain_text(text)


def row(page: LabPage, lesson: str, cell_id: str, first: str) -> list[str]:
    """What stands in a table that a cell shows, in the row that begins with this text: the columns after that one."""
    rows = page.output(position(lesson, cell_id)).locator("tr").all()
    texts = [one.locator("th, td").all_inner_texts() for one in rows]
    return next(cells[1:] for cells in texts if cells[0] == first)


def photograph(page: LabPage, lesson: str, cell_ids: Sequence[str]) -> None:
    """Keep a picture of the outputs to look at, in both themes."""
    for dark in (False, True):
        page.theme(dark=dark)
        for cell_id in cell_ids:
            name = f"{lesson}-{cell_id}-{'dark' if dark else 'light'}"
            page.screenshot(name, page.cell(position(lesson, cell_id)))
