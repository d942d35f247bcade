"""The book: the executed lessons as Markdown with pictures, readable before anything is installed.

A chapter is rewritten only when its lesson has changed, because ids and times differ in every run.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import dataclass
from html import unescape
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup  # it comes with nbconvert
from PIL import Image

from workshop_kit.files import read_document, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.content import CONTENTS
from workshop_kit.workspace.course import tables_path

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
PNG = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"')
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
STYLED = "<pandas.io.formats.style.Styler"
"""The text of a styled table begins with this class name; its HTML is used instead."""
LESSON_LINK = re.compile(r"\]\(([\w-]+)\.ipynb\)")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)

INDEX = """# The lessons, as executed

Each chapter is a lesson as `./workshop tour --book` ran it against live containers. To run, break and change it
yourself: `./workshop start`.

{chapters}
"""


@dataclass(frozen=True)
class Picture:
    """A picture in a chapter; ``kind`` is the ending of its file, ``text`` what it shows."""

    kind: str
    content: bytes
    text: str


def fingerprint(notebook: Path) -> str:
    """Return the first line of a chapter: a comment with a hash of the lesson's notebook, predictions and policy."""
    content = notebook.read_bytes()
    path = tables_path(notebook.stem, CHECKOUT / "notebooks")
    if path.is_file():
        tables = read_document(path)
        shown_tables = {name: tables.get(name, {}) for name in ("policy", "predictions")}
        content += json.dumps(shown_tables).encode()
    return f"<!-- {notebook.stem} {hashlib.sha256(content).hexdigest()[:16]} -->"


def is_current(notebook: Path, folder: Path) -> bool:
    """Return whether the book's chapter was made from this version of the lesson."""
    chapter = folder / f"{notebook.stem}.md"
    return chapter.is_file() and chapter.read_text().startswith(fingerprint(notebook))


def write_chapter(executed: Any, notebook: Path, folder: Path) -> bool:
    """Write the chapter of an executed lesson into the book, unless it is current; return whether it was written."""
    if is_current(notebook, folder):
        return False

    markdown, pictures = chapter_of(executed, notebook.stem)
    for name, content in pictures.items():
        write_atomically(folder / "pictures" / name, content)
    for path in (folder / "pictures").glob(f"{notebook.stem}-*"):
        if path.name not in pictures:
            path.unlink()

    write_atomically(folder / f"{notebook.stem}.md", f"{fingerprint(notebook)}\n\n{markdown}".encode())
    return True


def write_index(notebooks: Path, folder: Path) -> None:
    """Write the table of contents: the existing chapters in the order of the lessons."""
    chapters = [path for path in sorted(folder.glob("*.md")) if (notebooks / f"{path.stem}.ipynb").is_file()]
    titles = [TITLE.findall(path.read_text())[0] for path in chapters]
    lines = [f"- [{title}]({path.name})" for title, path in zip(titles, chapters, strict=True)]
    write_atomically(folder / CONTENTS, INDEX.format(chapters="\n".join(lines)).encode())


def chapter_of(executed: Any, lesson: str) -> tuple[str, dict[str, bytes]]:
    """Return an executed notebook (nbformat's node) as Markdown, and its pictures by file name."""
    contents_by_name: dict[str, bytes] = {}
    parts: list[str] = []
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            text = cell.source.strip().replace("](../docs/", "](../")  # the book is in docs/book
            parts.append(LESSON_LINK.sub(r"](\1.md)", text))
        elif cell.cell_type == "code":
            parts.append(_code_block(cell.source.strip(), "python"))
            for output in cell.outputs:
                picture = _picture_of(output)
                if picture is None:
                    parts += _text_blocks(output)
                else:
                    name = f"{lesson}-{len(contents_by_name) + 1}.{picture.kind}"
                    contents_by_name[name] = picture.content
                    parts.append(_picture_link(picture, name))

    return "\n\n".join(parts) + "\n", contents_by_name


def _picture_of(output: Any) -> Picture | None:
    """Return the picture that a cell's output shows: a PNG in its HTML, a PNG of its own, or an SVG in its HTML."""
    data = output.get("data", {})
    html = str(data.get("text/html", ""))
    text = str(data.get("text/plain", ""))

    png = PNG.search(html)
    if png:
        return Picture("png", base64.b64decode(png[1]), unescape(png[2]))
    if "image/png" in data:
        return Picture("png", on_white(base64.b64decode(data["image/png"])), text)

    svg = SVG.search(html)
    if svg:
        first_line = text.splitlines()[0]
        return Picture("svg", svg[0].encode(), first_line)
    return None


def _plain_text(text: str) -> str:
    """Return a text without colors, and without the line ends of a terminal, to which commands of the shell write."""
    return ANSI.sub("", text).replace("\r\n", "\n").rstrip()


def _text_blocks(output: Any) -> list[str]:
    """Return an output without a picture as a code block; empty if it has no text."""
    if output.output_type == "stream":
        return [_code_block(_plain_text(output.text), "text")]

    data = output.get("data", {})
    text = str(data.get("text/plain", ""))
    if text.startswith(STYLED):
        html = str(data.get("text/html", ""))
        return [_code_block(table_text(html), "text")]
    if text.strip():
        return [_code_block(_plain_text(text), "text")]
    return []


def on_white(png: bytes) -> bytes:
    """Return a chart on a white background: its own is transparent, and a page of a code host may be dark."""
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    file = io.BytesIO()
    paper.convert("RGB").save(file, "PNG")
    return file.getvalue()


def _picture_link(picture: Picture, name: str) -> str:
    """Return the Markdown that shows a picture by its file name, without brackets in its text."""
    text = re.sub(r"[\[\]\n]", " ", picture.text).strip()
    return f"![{text}](pictures/{name})"


def table_text(html: str) -> str:
    """Return an HTML table as text with aligned columns."""
    rows: list[list[str]] = []
    for table_row in BeautifulSoup(html, "html.parser")("tr"):
        rows.append([cell.get_text() for cell in table_row(["th", "td"])])

    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    lines = []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]  # a row may be shorter
        lines.append("  ".join(cells).rstrip())

    return "\n".join(lines)


def _code_block(text: str, language: str) -> str:
    """Return a code block; its fence is longer than any run of backticks inside."""
    lengths = [len(backticks) for backticks in re.findall(r"`+", text)]
    longest_run = max(lengths, default=0)
    fence = "`" * max(3, longest_run + 1)
    return f"{fence}{language}\n{text}\n{fence}"
