"""The site: sources for Sphinx from lessons, guides and instructor notes, and the build."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from workshop_kit.bundle import site_copy
from workshop_kit.bundle.part import version_of
from workshop_kit.engine import shell
from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT, TOURS
from workshop_kit.workspace.course import notebook_cells

BOOK = Path("docs") / "book"
CONTENTS = Path("docs") / "site" / "contents.md"
"""The tables of contents; Sphinx refuses a page that none of them has."""
READMES = ("container_audit/README.md", "deploy/*/README.md")
"""The pages outside of docs/ and notebooks/."""
TITLE = re.compile(r"\A(?:<!--.*-->\s*)?# .+\n")
NOTE = re.compile(r"^## (\S+)\n(?:\*(\d:\d\d)\*\n)?", re.MULTILINE)
"""The beginning of a note: the id of its cell, and the minute since the lesson began, on the full track."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
OPEN = """\
:::{{admonition}} Open in the workshop
:class: tip
```sh
./workshop start {short}
```

It opens this lesson in JupyterLab, to run, break and change it. {{download}}`The notebook
<../../notebooks/{lesson}.ipynb>` · [Notes for instructors](../../notebooks/{lesson}.notes.md)
:::
"""
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def build(python: Path, output: Path) -> int:
    """Build the site into ``output``; return how many lessons have the outputs of the last tour.

    ``python`` is an interpreter with Sphinx. Raises WorkshopError for an ``output`` with other files, and with Sphinx's
    output if a page or link is wrong. An older site stays after an error.
    """
    site_copy.require_replaceable(output)
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch) / "sources"
        pages = Path(scratch) / "site"
        executed = write_sources(CHECKOUT, sources, TOURS)

        settings = CHECKOUT / "docs" / "site"
        doctrees = Path(scratch) / "doctrees"
        command: list[str | Path] = [python, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q"]
        shell.run(
            [*command, "-c", settings, "-d", doctrees, sources, pages],
            failure="The site was not built.",
            next_step="Correct what the lines above name, then run ./workshop site again.",
            error=WorkshopError,
        )

        (pages / site_copy.MARK).write_text(version_of(CHECKOUT), encoding="utf-8")
        site_copy.copy(pages, output)
    return executed


def write_sources(root: Path, folder: Path, executed: Path) -> int:
    """Write the sources for Sphinx to ``folder``: the pages of the checkout ``root``.

    ``executed`` is the folder of the lessons that the tour ran; return how many lessons have outputs from there.
    """
    shutil.copytree(root / "docs", folder / "docs", ignore=shutil.ignore_patterns("site"))
    lessons = sorted(root.glob("notebooks/*.ipynb"))
    readmes = [path for pattern in READMES for path in root.glob(pattern)]
    for path in (*root.glob("*.md"), *readmes, *lessons):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    lessons_with_outputs: list[str] = []
    for path in lessons:
        if write_lesson(path, folder / BOOK, executed / path.name):
            lessons_with_outputs.append(path.stem)

        notes = path.with_suffix(".notes.md").read_text(encoding="utf-8")
        page = by_section(notes, notebook_cells(path), path.stem)
        (folder / "notebooks" / f"{path.stem}.notes.md").write_text(page, encoding="utf-8")
    for path in list(folder.rglob("*.md")):
        _copy_linked_files(root, folder, path)
        _adapt_links(path, lessons_with_outputs)

    index = folder / "index.md"
    (folder / "README.md").rename(index)
    with index.open("a", encoding="utf-8") as file:
        file.write((root / CONTENTS).read_text(encoding="utf-8"))
    return len(lessons_with_outputs)


def by_section(notes: str, cells: Sequence[Mapping[str, Any]], lesson: str) -> str:
    """Return the notes of a lesson as a page: below the heading of each section, its notes with cell and minute."""
    headings = section_headings(cells)
    _title, *parts = NOTE.split(notes)  # the title; then cell, minute, text, cell, minute, text, …
    section = headings[cells[0]["id"]]
    lines = [f"# Notes for {section}", f"By cell of {{doc}}`the lesson <../docs/book/{lesson}>`."]

    for cell, minute, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if headings[cell] != section:
            section = headings[cell]
            lines.append(f"## {section}")
        lines += [f"{minute or ''} `{cell}`".lstrip(), text.strip()]
    return "\n\n".join(lines) + "\n"


def section_headings(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the heading that each cell stands below, by cell id; a text cell with a heading stands below its own."""
    headings: dict[str, str] = {}
    heading = ""
    for cell in cells:
        match = HEADING.search(cell["source"])
        if cell["cell_type"] == "markdown" and match:
            heading = match[1]
        headings[cell["id"]] = heading
    return headings


def write_lesson(notebook: Path, book: Path, executed: Path) -> bool:
    """Write the page of a lesson: its notebook with outputs if there are any, else the chapter of the book.

    Return whether it has outputs. Raises WorkshopError for a lesson without a chapter.
    """
    import nbformat  # lazily: a slow import

    chapter = book / f"{notebook.stem}.md"
    lesson = notebook.stem
    page = with_outputs(notebook, executed)
    if page is None:
        if not chapter.is_file():
            raise WorkshopError(f"{lesson} has no chapter.", f"Run ./workshop tour --book {lesson} first.")
        text = with_box(chapter.read_text(encoding="utf-8"), lesson)
        chapter.write_text(text, encoding="utf-8")
        return False

    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = with_box(cell.source, lesson).replace("](../docs/", "](../")
    chapter.unlink(missing_ok=True)
    chapter.with_suffix(".ipynb").write_text(nbformat.writes(page), encoding="utf-8")  # type: ignore[no-untyped-call]
    return True


def with_outputs(notebook: Path, executed: Path) -> Any:
    """Return a lesson (nbformat's node) with the outputs of the notebook ``executed``, which the tour wrote.

    A cell that the tour ran with other code, such as a solution, stays without outputs. Returns None if there is no
    such notebook, or it has an error or other cells.
    """
    import nbformat

    if not executed.is_file():
        return None

    page = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    run = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    executed_cells = {cell.id: cell for cell in run.cells}
    outputs = [output for cell in run.cells for output in cell.get("outputs", [])]
    has_error = any(output.output_type == "error" for output in outputs)
    page_ids = [cell.id for cell in page.cells]
    if has_error or page_ids != list(executed_cells):
        return None

    for cell in page.cells:
        executed_cell = executed_cells[cell.id]
        if cell.cell_type == "code" and executed_cell.source == cell.source:
            cell.outputs = executed_cell.get("outputs", [])
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = ["hide-input"]
        chart_texts = _chart_texts(cell.get("outputs", []))
        if chart_texts:
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(chart_texts)}}

    return page


def _chart_texts(outputs: Sequence[Any]) -> list[str]:
    """Return the texts of the charts among the outputs of a cell."""
    data_of_outputs = [output.get("data", {}) for output in outputs]
    return [data.get("text/plain", "") for data in data_of_outputs if "image/png" in data]


def with_box(text: str, lesson: str) -> str:
    """Return Markdown of a lesson with a box below its title: how to open it."""
    number, _, _ = lesson.partition("_")
    box = OPEN.format(lesson=lesson, short=number)

    def add_box(title: re.Match[str]) -> str:
        return f"{title[0]}\n{box}"

    return TITLE.sub(add_box, text)


def _copy_linked_files(root: Path, folder: Path, guide: Path) -> None:
    """Copy the files that a guide in ``folder`` links to and that are no pages, such as the license."""
    source_folder = (root / guide.relative_to(folder)).parent
    for link in LINK.findall(guide.read_text(encoding="utf-8")):
        source = source_folder / link
        target = guide.parent / link
        if source.is_file() and source.suffix != ".md" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def _adapt_links(guide: Path, lessons_with_outputs: Collection[str]) -> None:
    """Let the links of a guide to the README lead to the front page, and those of the book to the lessons' notebooks.

    A lesson without outputs has no notebook in the site: links to its chapter stay.
    """

    def link_to_notebook(link: re.Match[str]) -> str:
        if link[1] in lessons_with_outputs:
            return f"]({link[1]}.ipynb"
        return link[0]

    text = guide.read_text(encoding="utf-8")
    text = re.sub(r"(\]\((?:\.\./)+)README\.md", r"\1index.md", text)
    if guide.parent.name == BOOK.name:
        text = re.sub(r"\]\((\w+)\.md", link_to_notebook, text)
    guide.write_text(text, encoding="utf-8")
