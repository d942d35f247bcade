"""A lesson of the tour becomes a page of the site, and a site replaces nothing but a site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from workshop_dev import site
from workshop_kit.bundle import site_copy
from workshop_kit.errors import WorkshopError

LESSON = """# 01 · A lesson

Afterwards you can

- do this;
- do that.
"""
END = "## To keep\n\n- A point.\n\n[audit](../docs/audit.md)"


def code(number: int, source: str, printed: str = "", **metadata: Any) -> Any:
    """A code cell with an id that stays, and what it printed."""
    outputs = [v4.new_output("stream", text=printed)] if printed else []  # type: ignore[no-untyped-call]
    return v4.new_code_cell(source, id=f"c{number}", outputs=outputs, metadata=metadata)  # type: ignore[no-untyped-call]


def write(path: Path, *cells: Any) -> Path:
    """Write a notebook with an opening and an end around its code cells."""
    texts = [v4.new_markdown_cell(text, id=name) for name, text in (("title", LESSON), ("end", END))]  # type: ignore[no-untyped-call]
    path.parent.mkdir(exist_ok=True)
    notebook = v4.new_notebook(cells=[texts[0], *cells, texts[1]])  # type: ignore[no-untyped-call]
    path.write_text(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book with one chapter."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "01_x.md").write_text(f"{LESSON}\nfrom the book\n\n{END}\n")
    return folder


def test_a_lesson_from_the_tour_keeps_outputs_and_tells_no_solution(book: Path, tmp_path: Path) -> None:
    """A cell that ran with other code is as shipped, without outputs; folded cells stay folded, charts have a text."""
    hidden: dict[str, Any] = {"jupyter": {"source_hidden": True}}
    lesson = write(
        tmp_path / "lessons" / "01_x.ipynb", code(1, "look()"), code(2, "starter()"), code(3, "draw()", **hidden)
    )
    drawn = code(3, "draw()", **hidden)
    data = {"image/png": "iVBORw0=", "text/plain": "Chart: seconds; memory from 4 to 64"}
    drawn.outputs = [v4.new_output("display_data", data=data)]  # type: ignore[no-untyped-call]
    ran = [code(1, "look()", "seen"), code(2, "solution()", "solved"), drawn]
    assert site.write_lesson(lesson, book, write(tmp_path / "tour" / "01_x.ipynb", *ran))
    assert not (book / "01_x.md").exists()
    page = nbformat.read(book / "01_x.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    opening, first, second, third, end = page.cells
    assert "./workshop start 01\n" in opening.source
    assert (first.outputs[0].text, second.source, second.outputs) == ("seen", "starter()", [])
    assert third.metadata["tags"] == ["hide-input"]
    assert "mystnb" not in first.metadata
    assert third.metadata["mystnb"]["image"]["alt"] == "Chart: seconds; memory from 4 to 64"
    assert "](../audit.md)" in end.source


@pytest.mark.parametrize("ran", ["of another version", "failed"])
def test_a_run_that_does_not_fit_is_not_shown(book: Path, tmp_path: Path, ran: str) -> None:
    """The page is the chapter of the book then."""
    lesson = write(tmp_path / "lessons" / "01_x.ipynb", code(1, "look()"))
    cell = code(2 if ran == "of another version" else 1, "look()", "seen")
    if ran == "failed":
        cell.outputs.append(v4.new_output("error", ename="E", evalue="", traceback=[]))  # type: ignore[no-untyped-call]
    assert not site.write_lesson(lesson, book, write(tmp_path / "tour" / "01_x.ipynb", cell))
    assert "from the book" in (book / "01_x.md").read_text()
    assert "./workshop start 01\n" in (book / "01_x.md").read_text()


def test_a_page_of_the_checkout_links_to_pages_of_the_site(root: Path, tmp_path: Path) -> None:
    """A link to a page that the site lacks fails the whole site: Sphinx takes no warning."""
    site.write_sources(root, tmp_path, tmp_path / "no tour")
    (tmp_path / "README.md").touch()  # the site has it as its index
    lost = []
    for page in sorted(tmp_path.rglob("*.md")):
        names = [name for name in site.LINK.findall(page.read_text()) if name.endswith(".md")]
        lost += [f"{page.relative_to(tmp_path)}: {name}" for name in names if not (page.parent / name).exists()]
    assert lost == []


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A site of one page, built from version "new"."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / site_copy.MARK).write_text("new")
    (folder / "index.html").write_text("hello")
    return folder


def files(folder: Path) -> dict[str, str]:
    """The files of a folder with their texts."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_site_replaces_a_site_and_nothing_else(made: Path, tmp_path: Path) -> None:
    """A folder with other files stays as it is; pages of the older site go."""
    output = tmp_path / "output"
    output.mkdir()
    (output / "thesis.txt").write_text("mine")
    with pytest.raises(WorkshopError, match="holds other files"):
        site_copy.copy(made, output)
    assert files(output) == {"thesis.txt": "mine"}
    (output / site_copy.MARK).write_text("old")
    site_copy.copy(made, output)
    assert files(output) == files(made)


def test_a_bundle_takes_a_site_of_its_own_version(made: Path, tmp_path: Path) -> None:
    """A site of another version, and none, are left out with what to do."""
    assert site_copy.save(made, tmp_path / "bundle", "newer").startswith("site: left out, it was built from new. Run ")
    assert site_copy.save(tmp_path / "none", tmp_path / "bundle", "new").startswith(
        "site: left out, it was not built. Run "
    )
    assert not (tmp_path / "bundle").exists()
    assert site_copy.save(made, tmp_path / "bundle", "new") == "site: open site/index.html in a browser"
    assert files(tmp_path / "bundle" / "site") == files(made)
