"""The committed lessons, as the tests address them: by the ids of their cells."""

from __future__ import annotations

import json
from typing import Any

from workshop_kit.learn.workspace import CHECKOUT


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
