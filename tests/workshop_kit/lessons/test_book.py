"""The book: executed lessons in Markdown, with pictures as files, current as it is committed."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

from nbformat import v4
from PIL import Image

from workshop_dev import book as chapters
from workshop_kit.workspace import content
from workshop_kit.workspace.folder import Workspace


def executed(*outputs: Any) -> Any:
    """A lesson with one code cell that showed this."""
    cell = v4.new_code_cell("look()", outputs=list(outputs))  # type: ignore[no-untyped-call]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# A lesson\n\nWords."), cell])  # type: ignore[no-untyped-call]


def shown(**data: str) -> Any:
    """An output as ``Rendered`` gives it."""
    bundle = {key.replace("_", "/"): value for key, value in data.items()}
    return v4.new_output("display_data", data=bundle)  # type: ignore[no-untyped-call]


def chart_png() -> str:
    """A chart as a lesson's kernel draws it: ink on no paper."""
    picture = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    picture.putpixel((1, 1), (0, 0, 0, 255))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_pictures_become_files_with_their_alt_text() -> None:
    """They are written beside the chapter. A chart of matplotlib has no paper, so it gets a white one."""
    png = base64.b64encode(b"\x89PNG...").decode()
    chart = shown(text_html=f'<img src="data:image/png;base64,{png}" alt="A [chart]" width="1">', text_plain="A chart")
    picture = shown(text_html='<div><svg xmlns="x"><g/></svg></div>', text_plain="A map\nmore")
    own = shown(image_png=chart_png(), text_plain="Chart: seconds; memory [MiB] from 4 to 63.9")
    markdown, pictures = chapters.chapter_of(executed(chart, picture, own), "00_x")
    assert [*pictures.values()][:2] == [b"\x89PNG...", b'<svg xmlns="x"><g/></svg>']
    drawn = Image.open(io.BytesIO(pictures["00_x-3.png"]))
    assert drawn.mode == "RGB"
    assert (drawn.getpixel((0, 0)), drawn.getpixel((1, 1))) == ((255, 255, 255), (0, 0, 0))
    assert "![A  chart](pictures/00_x-1.png)" in markdown
    assert "![A map](pictures/00_x-2.svg)" in markdown
    assert "![Chart: seconds; memory  MiB  from 4 to 63.9](pictures/00_x-3.png)" in markdown


def test_the_committed_book_is_of_these_lessons(root: Path) -> None:
    """Every lesson has a current chapter, every picture it names is there, none is left over; a few MB at most."""
    folder = root / "docs" / "book"
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    assert lessons
    assert [lesson.stem for lesson in lessons if not chapters.is_current(lesson, folder)] == []
    text = "".join((folder / f"{lesson.stem}.md").read_text() for lesson in lessons)
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == sorted(name for name in pictures if f"(pictures/{name})" in text)
    texts = re.findall(r"!\[(.*)\]\(pictures/", text)
    assert len(texts) == len(pictures)
    assert [alt for alt in texts if len(alt.removeprefix("Chart:").split()) < 2] == []
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 4_000_000
    index = (folder / "README.md").read_text()
    assert all(f"({lesson.stem}.md)" in index for lesson in lessons)


def test_a_workspace_has_the_book_as_it_is_now(empty_workspace: Workspace, tmp_path: Path) -> None:
    """Chapters and pictures come along; what is older is replaced. A lesson without a chapter opens the contents."""
    source = tmp_path / "docs" / "book"
    (source / "pictures").mkdir(parents=True)
    (source / "pictures" / "01_one-1.png").write_bytes(b"\x89PNG")
    for text in ("# One\n", "# One, newer\n"):
        (source / "01_one.md").write_text(text)
        content.copy_book(empty_workspace, source)
    assert (empty_workspace.folder / "book" / "01_one.md").read_text() == "# One, newer\n"
    assert (empty_workspace.folder / "book" / "pictures" / "01_one-1.png").read_bytes() == b"\x89PNG"
    opened = {name: content.book_page(name, source) for name in ("01_one", "02_two", "00_start")}
    assert opened == {"01_one": "book/01_one.md", "02_two": "book/README.md", "00_start": "book/README.md"}
