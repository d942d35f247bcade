"""The committed lessons, as the tests address them: by the ids of their cells."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playwright.sync_api import expect

from tests.browser.lab_page import LabPage
from workshop_kit.paths import CHECKOUT


def cells(lesson: str) -> list[dict[str, Any]]:
    """The cells of a lesson as committed."""
    document = json.loads((CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_text())
    return list(document["cells"])


def position(lesson: str, cell_id: str) -> int:
    """Where a cell stands, counted from 0, text cells included."""
    return [cell["id"] for cell in cells(lesson)].index(cell_id)


def code_cells(lesson: str, *, before: str | None = None) -> Iterator[int]:
    """Where its code cells stand; ``before`` leaves out the cell with that id and those after it."""
    end = None if before is None else position(lesson, before)
    return (number for number, cell in enumerate(cells(lesson)[:end]) if cell["cell_type"] == "code")


def open_untouched(page: LabPage, lesson: str) -> None:
    """Open a lesson as it is in a new workspace."""
    name = f"{lesson}.ipynb"
    shutil.copy(CHECKOUT / "notebooks" / name, page.workspace.notebooks / name)
    page.open(lesson)


def expect_texts(page: LabPage, lesson: str, seen: Mapping[str, str | re.Pattern[str]]) -> None:
    """What each of these cells (by id) shows contains this text."""
    for cell_id, text in seen.items():
        expect(page.output(position(lesson, cell_id))).to_contain_text(text)


def photograph(page: LabPage, lesson: str, cell_ids: Sequence[str]) -> None:
    """Keep a picture of the outputs to look at, in both themes."""
    for dark in (False, True):
        page.theme(dark=dark)
        for cell_id in cell_ids:
            name = f"{lesson}-{cell_id}-{'dark' if dark else 'light'}"
            page.screenshot(name, page.cell(position(lesson, cell_id)))


def settings_form() -> str:
    """The code of a cell that starts the stack's image with the settings that lessons use."""
    (settings,) = ["".join(cell["source"]) for cell in cells("04_monitoring") if cell["id"] == "settings"]
    return f'{settings}\nw.settings_form(w.client.images.get(w.image("app")), settings)'
