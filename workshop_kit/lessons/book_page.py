"""The book in JupyterLab: the lessons as executed, to read where they cannot run."""

from __future__ import annotations

from pathlib import Path

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.files import explain, write_atomically
from workshop_kit.workspace.folder import Workspace, lesson_files
from workshop_kit.workspace.lab_settings import FirstPage

BOOK = CHECKOUT / "docs" / "book"
FOLDER = "book"
INDEX = "README.md"


def bring_book(workspace: Workspace, source: Path = BOOK) -> None:
    """Copy the book into the workspace, outside of which JupyterLab serves nothing.

    It is for reading: what is there is replaced by what ``source`` has now. Raises NotReady when it cannot be written.
    """
    target = workspace.folder / FOLDER
    try:
        for file in lesson_files(source):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, file.read_bytes())
    except OSError as error:
        raise explain(error, target) from error


def book_page(lesson: str, source: Path = BOOK) -> FirstPage:
    """The book's chapter on ``lesson``; its table of contents where there is none, and for the first lesson."""
    chapter = f"{lesson}.md"
    name = chapter if lesson != "00_start" and (source / chapter).is_file() else INDEX
    return FirstPage(f"{FOLDER}/{name}", layout="book", kind="markdownviewer-widget", factory="Markdown Preview")
