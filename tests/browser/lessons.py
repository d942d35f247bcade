"""The committed lessons: positions of cells by their ids."""

from __future__ import annotations

import json
import shutil
from typing import Any

from tests.browser.lab_page import LabPage
from workshop_kit.paths import CHECKOUT


def cells(lesson: str) -> list[dict[str, Any]]:
    """The cells of a lesson as committed."""
    document = json.loads((CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_text())
    return list(document["cells"])


def position(lesson: str, cell_id: str) -> int:
    """Return a cell's position, counted from 0 with text cells."""
    return [cell["id"] for cell in cells(lesson)].index(cell_id)


def open_untouched(page: LabPage, lesson: str) -> None:
    """Open a lesson as it is in a new workspace."""
    name = f"{lesson}.ipynb"
    shutil.copy(CHECKOUT / "notebooks" / name, page.workspace.notebooks / name)
    page.open(lesson)
