"""The book: the lessons as they were executed, in Markdown with their pictures, to read before anything is installed.

A chapter is written anew only when its lesson has changed: every run differs in ids and times, and nobody wants to
review those.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from itertools import zip_longest
from pathlib import Path
from typing import Any

from workshop_kit.lessons.questions import SUFFIX
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.files import explain, write_atomically

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
PNG = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"')
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
STYLED = "<pandas.io.formats.style.Styler"
"""How the text of a styled table begins, which says nothing of what it shows."""
AXIS_LABEL = re.compile(r"\bset_[xy]label\(\"([^\"]+)\"")

INDEX = """# The lessons, as executed

Each chapter is a lesson as `./workshop tour --book` ran it against live containers. To run, break and change it
yourself: `./workshop start`.

{chapters}
"""


@dataclass(frozen=True)
class Chapter:
    """One lesson of the book: its Markdown, and its pictures by file name."""

    lesson: str
    markdown: str
    pictures: dict[str, bytes]


def fingerprint(notebook: Path) -> str:
    """What stands in the first line of a chapter: it changes with the lesson's notebook and predictions alone."""
    predictions = CHECKOUT / "notebooks" / f"{notebook.stem}{SUFFIX}"
    content = notebook.read_bytes() + (predictions.read_bytes() if predictions.is_file() else b"")
    return f"<!-- {notebook.stem} {hashlib.sha256(content).hexdigest()[:16]} -->"


def is_current(notebook: Path, folder: Path) -> bool:
    """Whether the book's chapter was made from this very lesson."""
    chapter = folder / f"{notebook.stem}.md"
    return chapter.is_file() and chapter.read_text().startswith(fingerprint(notebook))


def write_chapter(executed: Any, notebook: Path, folder: Path) -> bool:
    """Write the chapter of an executed lesson into the book, unless it is current; return whether it was written."""
    if is_current(notebook, folder):
        return False
    chapter = chapter_of(executed, notebook.stem)
    pictures = folder / "pictures"
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        for old in pictures.glob(f"{notebook.stem}-*"):
            old.unlink()
        for name, content in chapter.pictures.items():
            write_atomically(pictures / name, content)
        text = f"{fingerprint(notebook)}\n\n{chapter.markdown}"
        write_atomically(folder / f"{notebook.stem}.md", text.encode())
    except OSError as error:
        raise explain(error, folder) from error
    return True


def write_index(notebooks: Path, folder: Path) -> None:
    """Write the book's table of contents: the chapters that are there, in the order of the lessons."""
    chapters = [path for path in sorted(folder.glob("*.md")) if (notebooks / f"{path.stem}.ipynb").is_file()]
    lines = [f"- [{_title(path.read_text())}]({path.name})" for path in chapters]
    text = INDEX.format(chapters="\n".join(lines))
    try:
        write_atomically(folder / "README.md", text.encode())
    except OSError as error:
        raise explain(error, folder) from error


def chapter_of(executed: Any, lesson: str) -> Chapter:
    """An executed notebook (nbformat's node) as a chapter: text, code, and what the code showed."""
    pictures: dict[str, bytes] = {}
    parts: list[str] = []
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source.strip().replace("](../docs/", "](../"))  # the book is in docs/book
        elif cell.cell_type == "code":
            parts.append(_fenced(cell.source.strip(), "python"))
            chart = f"Chart: {', '.join(AXIS_LABEL.findall(cell.source))}"
            for output in cell.outputs:
                parts += _output(output, lesson, pictures, chart)
    return Chapter(lesson, "\n\n".join(parts) + "\n", pictures)


def _output(output: Any, lesson: str, pictures: dict[str, bytes], chart: str) -> Iterator[str]:
    """What one output shows, as Markdown; its pictures are put into ``pictures``.

    ``chart`` is the text for a chart of matplotlib, which comes without any.
    """
    if output.output_type == "stream":
        yield _fenced(ANSI.sub("", output.text).rstrip(), "text")
        return
    data = output.get("data", {})
    html, text = str(data.get("text/html", "")), str(data.get("text/plain", ""))
    number = len(pictures) + 1
    if png := PNG.search(html):
        name = f"{lesson}-{number}.png"
        pictures[name] = base64.b64decode(png[1])
        yield f"![{_in_brackets(unescape(png[2]))}](pictures/{name})"
    elif "image/png" in data:
        name = f"{lesson}-{number}.png"
        pictures[name] = base64.b64decode(data["image/png"])
        yield f"![{_in_brackets(chart)}](pictures/{name})"
    elif svg := SVG.search(html):
        name = f"{lesson}-{number}.svg"
        pictures[name] = svg[0].encode()
        yield f"![{_in_brackets(text.splitlines()[0])}](pictures/{name})"
    elif text.startswith(STYLED):
        yield _fenced(_table(html), "text")
    elif text.strip():
        yield _fenced(ANSI.sub("", text).rstrip(), "text")


def _table(html: str) -> str:
    """The text of an HTML table, its columns aligned on the left."""
    from bs4 import BeautifulSoup  # it comes with nbconvert

    rows = [[cell.get_text() for cell in row(["th", "td"])] for row in BeautifulSoup(html, "html.parser")("tr")]
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _fenced(text: str, language: str) -> str:
    """A code block; its fence is longer than any run of backticks inside, so that nothing in it ends it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _title(markdown: str) -> str:
    found = re.search(r"^# (.+)$", markdown, re.MULTILINE)
    return found[1] if found else "A lesson"


def _in_brackets(alt: str) -> str:
    return re.sub(r"[\[\]\n]", " ", alt).strip()
