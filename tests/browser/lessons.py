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


SETTINGS = """password = "tea4Two!Kyoto19"
settings = {"REDIS_HOST": "redis", "REDIS_PORT": 6379, "REDIS_USER": "colleague", "REDIS_PASSWORD": password}
for host in ("master-db", "replica-db"):
    group = host.replace("-", "_").upper()
    settings |= {f"{group}_HOST": host, f"{group}_PORT": 3306, f"{group}_SQL_MODE": "STRICT_ALL_TABLES"}
    settings |= {f"{group}_NAME": "orders", f"{group}_USER": "colleague", f"{group}_PASSWORD": password}"""


def settings_form() -> str:
    """The code of a cell that starts the stack's image with the settings that lessons use."""
    return f'{SETTINGS}\nw.settings_form(w.client.images.get(w.image("app")), settings)'
