"""The book in the workspace: where JupyterLab can show it, before there is an engine."""

from __future__ import annotations

from pathlib import Path

from workshop_kit.files import files_below, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace

BOOK = CHECKOUT / "docs" / "book"
CONTENTS = "README.md"
COPY = "book"
"""The folder of the book's copy in a workspace: JupyterLab serves nothing outside of it."""


def copy_book(workspace: Workspace, source: Path = BOOK) -> None:
    """Replace the workspace's copy of the book. Raises NotReady when it cannot be written."""
    for file in files_below(source):
        write_atomically(workspace.folder / COPY / file.relative_to(source), file.read_bytes())


def book_page(lesson: str, source: Path = BOOK) -> str:
    """Return the path of a lesson's chapter in the workspace; for 00_start and without a chapter, of the contents."""
    chapter = f"{lesson}.md"
    has_chapter = lesson != "00_start" and (source / chapter).is_file()
    return f"{COPY}/{chapter if has_chapter else CONTENTS}"
