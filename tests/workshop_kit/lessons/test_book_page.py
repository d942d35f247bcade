"""The book is brought into the workspace, as it is now, and nothing else of the workspace is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.lessons.book_page import book_page, bring_book
from workshop_kit.workspace.folder import Workspace


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one chapter with one picture."""
    folder = tmp_path / "docs" / "book"
    (folder / "pictures").mkdir(parents=True)
    (folder / "README.md").write_text("# Contents\n")
    (folder / "01_one.md").write_text("# One\n")
    (folder / "pictures" / "01_one-1.png").write_bytes(b"\x89PNG")
    return folder


def test_the_book_is_as_it_is_now(empty_workspace: Workspace, book: Path) -> None:
    """Chapters and pictures come along; what is older is replaced."""
    bring_book(empty_workspace, book)
    (book / "01_one.md").write_text("# One, newer\n")
    bring_book(empty_workspace, book)
    assert (empty_workspace.folder / "book" / "01_one.md").read_text() == "# One, newer\n"
    assert (empty_workspace.folder / "book" / "pictures" / "01_one-1.png").read_bytes() == b"\x89PNG"


def test_a_chapter_opens_where_there_is_one(book: Path) -> None:
    """Who asks for a lesson gets its chapter; the first lesson, and one without a chapter, open the contents."""
    opened = {name: book_page(name, book).path for name in ("01_one", "02_two", "00_start")}
    assert opened == {"01_one": "book/01_one.md", "02_two": "book/README.md", "00_start": "book/README.md"}
