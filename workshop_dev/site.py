"""The site: sources for Sphinx from the book, guides and instructor notes, and the build."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workshop_kit.engine import shell
from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import Section, load_course

BOOK = Path("docs") / "book"
CONTENTS = Path("docs") / "site" / "contents.md"
"""The tables of contents; Sphinx refuses a page that none of them has."""
READMES = ("container_audit/README.md", "deploy/*/README.md")
"""The pages outside of docs/ and notebooks/."""
TITLE = re.compile(r"\A(?:<!--.*-->\s*)?# .+\n")
NOTE = re.compile(r"^## (\S+)\n", re.MULTILINE)
"""The beginning of a note: the id of its cell."""
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
FOLDER = CHECKOUT / "build" / "site"
BUILD_FILES = (".buildinfo*", "*.map", "*-macros.html")
"""Files of Sphinx and of the theme that no page uses."""
MARK = "workshop-site.txt"
"""A file in every site: a folder without it is never replaced."""
README_LINK = re.compile(r"(\]\((?:\.\./)+)README\.md")
"""A link to the README of the checkout, which is the front page of the site."""


def build(python: Path, output: Path) -> None:
    """Build the site into ``output``.

    ``python`` is an interpreter with Sphinx. Raises WorkshopError for an ``output`` with other files, and with Sphinx's
    output if a page or link is wrong. An older site stays after an error.
    """
    _require_replaceable(output)
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch) / "sources"
        pages = Path(scratch) / "site"
        write_sources(CHECKOUT, sources)

        settings = CHECKOUT / "docs" / "site"
        doctrees = Path(scratch) / "doctrees"
        command: list[str | Path] = [python, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q"]
        shell.run(
            [*command, "-c", settings, "-d", doctrees, sources, pages],
            failure="The site was not built.",
            next_step="Correct what the lines above name, then run ./workshop site again.",
            error=WorkshopError,
        )

        place(pages, output)


def place(site: Path, output: Path) -> None:
    """Copy a site to a folder, in place of an older one.

    Raises WorkshopError if the folder has other files, or if the site cannot be written.
    """
    _require_replaceable(output)
    partial = output.with_name(f".{output.name}.partial")

    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(site, partial, ignore=shutil.ignore_patterns(*BUILD_FILES))
        (partial / MARK).touch()
        if output.exists():
            shutil.rmtree(output)
        partial.rename(output)
    except OSError as error:  # also shutil.Error, whose text would list every file that failed
        shutil.rmtree(partial, ignore_errors=True)
        raise WorkshopError(f"The site cannot be written to {output}.", "Free some space there.") from error


def _require_replaceable(output: Path) -> None:
    """Raise WorkshopError for a file, and for a folder with files that is no site: neither is ever replaced."""
    is_site = (output / MARK).is_file()
    is_empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not is_site and not is_empty:
        raise WorkshopError(f"{output} holds other files.", "Name an empty or a new folder.")


def write_sources(root: Path, folder: Path) -> None:
    """Write the sources for Sphinx to ``folder``: the pages of the checkout ``root``.

    Raises WorkshopError for a lesson without a chapter in the book.
    """
    course = load_course(root)
    shutil.copytree(root / "docs", folder / "docs", ignore=shutil.ignore_patterns("site"))
    lessons = sorted(root.glob("notebooks/*.ipynb"))
    readmes = [path for pattern in READMES for path in root.glob(pattern)]
    for path in (*root.glob("*.md"), *readmes, *lessons):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    for path in lessons:
        chapter = folder / BOOK / f"{path.stem}.md"
        if not chapter.is_file():
            raise WorkshopError(f"{path.stem} has no chapter.", f"Run ./workshop tour --book {path.stem} first.")
        _add_box(chapter)

        notes = path.with_suffix(".notes.md").read_text(encoding="utf-8")
        page = by_section(notes, course.sections[path.stem], path.stem)
        (folder / "notebooks" / f"{path.stem}.notes.md").write_text(page, encoding="utf-8")
    for path in list(folder.rglob("*.md")):
        _copy_linked_files(root, folder, path)
        text = path.read_text(encoding="utf-8")
        path.write_text(README_LINK.sub(r"\1index.md", text), encoding="utf-8")

    index = folder / "index.md"
    (folder / "README.md").rename(index)
    with index.open("a", encoding="utf-8") as file:
        file.write((root / CONTENTS).read_text(encoding="utf-8"))


def by_section(notes: str, sections: Sequence[Section], lesson: str) -> str:
    """Return the notes of a lesson as a page, by cell. Each heading has the time since the lesson began."""
    _title, *parts = NOTE.split(notes)  # the title; then cell, text, cell, text, …
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    lines = [f"# Notes for {sections[0].heading}", f"By cell of {{doc}}`the lesson <../docs/book/{lesson}>`."]

    time = 0
    for section in sections:
        noted_cells = [cell for cell in section.cells if cell in texts]
        if time and noted_cells:  # the title stands above the first section
            lines.append(f"## {time // 60}:{time % 60:02} {section.heading}")
        for cell in noted_cells:
            lines += [f"`{cell}`", texts[cell].strip()]
        time += max(section.minutes.values())

    return "\n\n".join(lines) + "\n"


def _add_box(chapter: Path) -> None:
    """Put a box below the title of a chapter: how to open the lesson."""
    lesson = chapter.stem
    number, _, _ = lesson.partition("_")
    box = OPEN.format(lesson=lesson, short=number)
    text = TITLE.sub(rf"\g<0>\n{box}", chapter.read_text(encoding="utf-8"))
    chapter.write_text(text, encoding="utf-8")


def _copy_linked_files(root: Path, folder: Path, guide: Path) -> None:
    """Copy the files that a guide in ``folder`` links to and that are no pages, such as the license."""
    source_folder = (root / guide.relative_to(folder)).parent
    for link in LINK.findall(guide.read_text(encoding="utf-8")):
        source = source_folder / link
        target = guide.parent / link
        if source.is_file() and source.suffix != ".md" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
