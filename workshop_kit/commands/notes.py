"""``notes``: the instructor's notes of each lesson as pages to print. It needs no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import answer
from workshop_kit.workspace.course import find_lesson, lesson_names

FOLDER = CHECKOUT / "build" / "notes"


def notes(
    lessons: Annotated[
        list[str] | None, typer.Argument(help="Lessons, or beginnings such as 02; none means all.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder of the pages.", show_default="build/notes")] = FOLDER,
) -> None:
    """Write a page for each lesson and print where they are."""
    from workshop_kit.lessons import notes_page  # lazily: slow imports

    notebooks = CHECKOUT / "notebooks"
    chosen = [find_lesson(name, notebooks) for name in lessons or ()] or list(lesson_names(notebooks))
    pages = [notes_page.load(name, CHECKOUT) for name in chosen]  # an error before anything is written
    answer("\n".join(str(page.write(out)) for page in pages))
