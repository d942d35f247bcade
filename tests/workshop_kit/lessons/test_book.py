"""The book: executed lessons in Markdown, renewed only when a lesson changed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from workshop_kit.lessons import book
from workshop_kit.workspace.folder import Workspace


def executed(*outputs: Any, source: str = "look()") -> Any:
    """A lesson with one code cell that showed this."""
    cell = v4.new_code_cell(source, outputs=list(outputs))  # type: ignore[no-untyped-call]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# A lesson\n\nWords."), cell])  # type: ignore[no-untyped-call]


def shown(**data: str) -> Any:
    """An output as ``Rendered`` gives it."""
    bundle = {key.replace("_", "/"): value for key, value in data.items()}
    return v4.new_output("display_data", data=bundle)  # type: ignore[no-untyped-call]


def test_text_code_and_what_it_printed_stand_in_order() -> None:
    """Markdown as it is, code in a fence, output in a fence without terminal colors."""
    stream = v4.new_output("stream", text="\x1b[31mred\x1b[0m\n")  # type: ignore[no-untyped-call]
    chapter = book.chapter_of(executed(stream), "00_x")
    assert chapter.markdown == "# A lesson\n\nWords.\n\n```python\nlook()\n```\n\n```text\nred\n```\n"


def test_pictures_become_files_with_their_alt_text() -> None:
    """A PNG and an SVG are written beside the chapter, and the text that says what they show goes with them."""
    png = base64.b64encode(b"\x89PNG...").decode()
    chart = shown(text_html=f'<img src="data:image/png;base64,{png}" alt="A [chart]" width="1">', text_plain="A chart")
    picture = shown(text_html='<div><svg xmlns="x"><g/></svg></div>', text_plain="A map\nmore")
    chapter = book.chapter_of(executed(chart, picture), "00_x")
    assert chapter.pictures == {"00_x-1.png": b"\x89PNG...", "00_x-2.svg": b'<svg xmlns="x"><g/></svg>'}
    assert "![A  chart](pictures/00_x-1.png)" in chapter.markdown
    assert "![A map](pictures/00_x-2.svg)" in chapter.markdown


def test_a_chart_of_matplotlib_is_told_by_its_axes() -> None:
    """It comes without a text: the labels of its axes say what it shows."""
    png = base64.b64encode(b"\x89PNG...").decode()
    chart = shown(image_png=png, text_plain="<Figure size 600x250 with 1 Axes>")
    source = 'ax.set_xlabel("seconds")\nax.set_ylabel("memory (MiB)")'
    chapter = book.chapter_of(executed(chart, source=source), "00_x")
    assert chapter.pictures == {"00_x-1.png": b"\x89PNG..."}
    assert "![Chart: seconds, memory (MiB)](pictures/00_x-1.png)" in chapter.markdown
    assert "Figure size" not in chapter.markdown


def test_html_is_told_by_its_text_twin_and_never_copied() -> None:
    """What a log line brought along stays text: no HTML of an output reaches the book."""
    chapter = book.chapter_of(executed(shown(text_html="<script>x</script>", text_plain="``` <script>")), "00_x")
    assert "````text\n``` <script>\n````" in chapter.markdown


def test_a_chapter_is_renewed_only_when_its_lesson_changed(tmp_path: Path) -> None:
    """Two runs of one lesson differ in ids and times: the book keeps the first."""
    notebook = tmp_path / "00_x.ipynb"
    notebook.write_text("one")
    folder = tmp_path / "book"
    assert book.write_chapter(executed(source="first()"), notebook, folder)
    assert not book.write_chapter(executed(source="second()"), notebook, folder)
    assert "first()" in (folder / "00_x.md").read_text()
    notebook.write_text("two")
    assert not book.is_current(notebook, folder)
    assert book.write_chapter(executed(source="second()"), notebook, folder)
    assert "second()" in (folder / "00_x.md").read_text()


def test_the_committed_book_is_of_these_lessons(root: Path) -> None:
    """Every lesson has a current chapter, every picture it names is there, none is left over; a few MB at most."""
    folder = root / "docs" / "book"
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    assert lessons
    assert [lesson.stem for lesson in lessons if not book.is_current(lesson, folder)] == []
    text = "".join((folder / f"{lesson.stem}.md").read_text() for lesson in lessons)
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == sorted(name for name in pictures if f"(pictures/{name})" in text)
    assert text.count("](pictures/") == len(pictures)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 4_000_000
    index = (folder / "README.md").read_text()
    assert all(f"({lesson.stem}.md)" in index for lesson in lessons)


def test_the_committed_book_names_no_folder_of_its_author(root: Path) -> None:
    """Neither the checkout nor the home nor a temporary folder stands in it."""
    pages = sorted((root / "docs" / "book").glob("*.md"))
    assert pages
    for page in pages:
        text = page.read_text()
        for place in (str(root), str(Path.home()), "/home/", "/Users/", "build/tour"):
            assert place not in text, (page.name, place)


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """A book of one chapter with one picture."""
    folder = tmp_path / "docs" / "book"
    (folder / "pictures").mkdir(parents=True)
    (folder / "README.md").write_text("# Contents\n")
    (folder / "01_one.md").write_text("# One\n")
    (folder / "pictures" / "01_one-1.png").write_bytes(b"\x89PNG")
    return folder


def test_the_book_is_as_it_is_now(empty_workspace: Workspace, small_book: Path) -> None:
    """Chapters and pictures come along; what is older is replaced."""
    book.copy_book(empty_workspace, small_book)
    (small_book / "01_one.md").write_text("# One, newer\n")
    book.copy_book(empty_workspace, small_book)
    assert (empty_workspace.folder / "book" / "01_one.md").read_text() == "# One, newer\n"
    assert (empty_workspace.folder / "book" / "pictures" / "01_one-1.png").read_bytes() == b"\x89PNG"


def test_a_chapter_opens_where_there_is_one(small_book: Path) -> None:
    """A lesson opens its chapter; the first lesson, and one without a chapter, open the contents."""
    opened = {name: book.book_page(name, small_book).path for name in ("01_one", "02_two", "00_start")}
    assert opened == {"01_one": "book/01_one.md", "02_two": "book/README.md", "00_start": "book/README.md"}
