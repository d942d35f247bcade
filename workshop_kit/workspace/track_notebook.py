"""A lesson's notebook on a track: each stretch of cells that the track skips is one text cell, a mark. Pure.

The mark shows the stretch behind a triangle, as text, so that "Run all" passes it over in every editor and Shift+Enter
takes one step. ``metadata.workshop`` holds its cells, so that `unfold` gives back the notebook byte for byte.

What skipped cells would have made is filled in before the next cell that runs, also that of lessons before. The first
and the last text say what is left.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workshop_kit.files import parse_json
from workshop_kit.workspace import summary
from workshop_kit.workspace.course import Course, Section, notebook_cells
from workshop_kit.workspace.notebook import Cell, cell_text, notebook_bytes

KEY = "workshop"
"""The name of our part of a cell's metadata: ``cells`` has the cells in whose place the cell stands.

``text`` is what a first or last text was made as, which tells whether it was edited since.
"""
MAKERS = ("%%file ", "w.exercise(")
"""How the cells begin that make a file, or have an exercise in one."""
SETUP = "setup"
"""The id of the first code cell of a lesson: before it, nothing can be filled in."""
FILL_IN = "# Not today, and needed now: what the parts left out would have made."
FILL_COLUMNS = 88
TEXT = """#### Not today: {headings}

The track {track} leaves this part out. Run it at home: `./workshop start --track full` brings its cells back.

<details><summary>Read it</summary>

{cells}

</details>"""
WITHIN = "some cells"
"""The name of a stretch that begins within a section: its heading stands above it."""
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Maker:
    """A cell (an id) of a lesson that makes a file."""

    lesson: str
    cell: str


@dataclass(frozen=True)
class LessonOnTrack:
    """A lesson on a track, which has only the ``kept_cells`` (ids) of it: none if it leaves the lesson out.

    ``earlier`` are makers of earlier lessons that the track skips, and whose files are still missing at this lesson.
    ``texts`` has the first and the last text by cell id: as it is shipped, and as the track has it.
    """

    lesson: str
    track: str
    sections: Sequence[Section]
    kept_cells: frozenset[str]
    earlier: tuple[Maker, ...] = ()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def is_user(self, cell: Cell) -> bool:
        """Return whether a cell may use the files of skipped cells before it."""
        return _is_user(cell, self.sections)


def on_track(root: Path, course: Course, lesson: str, track: str) -> LessonOnTrack:
    """Return a lesson of the checkout ``root`` as ``track`` has it."""
    kept_cells = course.kept_cells(lesson, track)
    if not kept_cells:
        return LessonOnTrack(lesson, track, course.sections.get(lesson, ()), kept_cells)

    earlier = tuple(_earlier_makers(root, course, lesson, track))
    texts = _texts(root, course, lesson, track)
    return LessonOnTrack(lesson, track, course.sections[lesson], kept_cells, earlier, texts)


def _earlier_makers(root: Path, course: Course, lesson: str, track: str) -> list[Maker]:
    """Return the makers of earlier lessons that the track skips, and that no cell of an earlier lesson fills in.

    The first cell that may use their files gets all of them filled in, so after it none is pending.
    """
    pending_makers: list[Maker] = []
    for name in itertools.takewhile(lambda name: name != lesson, course.notebooks):
        if course.is_optional(name):
            continue

        kept_cells = course.kept_cells(name, track)
        for cell in notebook_cells(root / "notebooks" / f"{name}.ipynb"):
            if cell["id"] not in kept_cells:
                pending_makers += _makers(name, [cell])
            elif _is_user(cell, course.sections[name]):
                pending_makers = []

    return pending_makers


def _is_user(cell: Cell, sections: Sequence[Section]) -> bool:
    """Return whether a cell may use files: it is code, but neither the set-up nor in the last section."""
    is_code = cell["cell_type"] == "code"
    return is_code and cell["id"] != SETUP and cell["id"] not in sections[-1].cells


def _makers(lesson: str, cells: Sequence[Cell]) -> list[Maker]:
    """Return the makers among ``cells``."""
    return [Maker(lesson, cell["id"]) for cell in cells if cell_text(cell).startswith(MAKERS)]


def _texts(root: Path, course: Course, lesson: str, track: str) -> dict[str, tuple[str, str]]:
    """Return the first and the last text of a lesson by cell id: each with all its lines, and with the track's lines.

    There are none for a lesson without a summary.
    """
    lesson_summary = summary.load(root, lesson)
    if lesson_summary is None:
        return {}

    all_cells = frozenset(cell for section in course.sections[lesson] for cell in section.cells)
    shipped_head = lesson_summary.head(all_cells, course.minutes(lesson, "full"))
    shipped_end = lesson_summary.end(all_cells)

    kept_cells = course.kept_cells(lesson, track)
    track_head = lesson_summary.head(kept_cells, course.minutes(lesson, track))
    track_end = lesson_summary.end(kept_cells, _next_link(course, lesson, track))
    return {summary.HEAD: (shipped_head, track_head), summary.END: (shipped_end, track_end)}


def _next_link(course: Course, lesson: str, track: str) -> str:
    """Return a link to the lesson that follows on a track, in Markdown; "" after the last one."""
    names = course.names(track)
    if lesson == names[-1]:
        return ""

    name = names[names.index(lesson) + 1]
    next_lesson = course.lesson(name)
    title = next_lesson.title if next_lesson else name
    number = name[: name.index("_")]
    return f"[{number} · {title}]({name}.ipynb)"


def fold(notebook: bytes, part: LessonOnTrack) -> bytes:
    """Return ``notebook`` with the cells folded that the track skips; a lesson that is not on the track stays whole.

    A stretch in which a cell was run stays as it is. A damaged notebook is returned as it is.
    """
    whole_notebook = unfold(notebook)
    if not part.kept_cells:
        return whole_notebook
    try:
        document = parse_json(whole_notebook)
        cells = list(_cells_on_track(document["cells"], part))
        if cells == document["cells"]:
            return whole_notebook
    except (ValueError, LookupError, TypeError, AttributeError):
        return whole_notebook
    return notebook_bytes({**document, "cells": cells})


def _cells_on_track(cells: Sequence[Cell], part: LessonOnTrack) -> Iterator[Cell]:
    """Yield the kept cells of a notebook, a mark for each skipped stretch, and cells that fill in the skipped files."""
    lesson_cells = {cell for section in part.sections for cell in section.cells}
    skipped_cells = lesson_cells - part.kept_cells
    pending_makers = list(part.earlier)

    def is_skipped(cell: Cell) -> bool:
        return cell["id"] in skipped_cells

    for is_stretch_skipped, group in itertools.groupby(cells, key=is_skipped):
        stretch = list(group)
        if is_stretch_skipped and not any(map(_was_run, stretch)):
            yield _skip_mark(stretch, part)
            pending_makers += _makers(part.lesson, stretch)
            continue

        for cell in stretch:
            if pending_makers and part.is_user(cell):
                yield _fill_in_cell(cell["id"], pending_makers, part.lesson)
                pending_makers = []
            yield _with_text_of_track(cell, part)


def _was_run(cell: Cell) -> bool:
    return bool(cell.get("execution_count") or cell.get("outputs"))


def unfold(notebook: bytes) -> bytes:
    """Return ``notebook`` with all cells of the lesson, as it is without a track.

    A notebook in which nothing is folded is returned as it is, and so is a damaged one.
    """
    if f'"{KEY}"'.encode() not in notebook:
        return notebook
    try:
        document = parse_json(notebook)
        unfolded_cells: list[Cell] = []
        for cell in document["cells"]:
            unfolded_cells += replaced_by(cell) or [cell]
        # A cell that fills in files stands in the place of no cell: it is left out.
        cells = [cell for cell in unfolded_cells if KEY not in cell["metadata"]]
    except (ValueError, LookupError, TypeError, AttributeError):
        return notebook
    return notebook_bytes({**document, "cells": cells})


def replaced_by(cell: Cell) -> list[Cell]:
    """Return the cells in whose place a cell stands; [] for a cell of the lesson.

    A first or last text that was edited on the track keeps the edited text.
    """
    entry = cell["metadata"].get(KEY, {})
    cells = list(entry.get("cells", ()))
    is_edited = "text" in entry and entry["text"] != cell_text(cell)
    if is_edited:
        return [{**cells[0], "source": cell["source"]}]
    return cells


def _skip_mark(stretch: Sequence[Cell], part: LessonOnTrack) -> Cell:
    """Return the text cell that stands in the place of a skipped stretch."""
    stretch_ids = {cell["id"] for cell in stretch}
    first_id = stretch[0]["id"]
    headings = [section.heading for section in part.sections if section.cells[0] in stretch_ids]
    section_starts = {section.cells[0] for section in part.sections}
    if first_id not in section_starts:
        headings.insert(0, WITHIN)

    cells = "\n\n".join(map(_markdown_of, stretch))
    text = TEXT.format(headings=" · ".join(headings), track=part.track, cells=cells)
    return _replacement_cell("markdown", f"skip-{first_id}", text, stretch)


def _fill_in_cell(next_cell: str, makers: Sequence[Maker], lesson: str) -> Cell:
    """Return a cell that makes the files of skipped makers; it stands before the cell ``next_cell`` of ``lesson``."""
    lines = [FILL_IN]
    for name, group in itertools.groupby(makers, key=lambda maker: maker.lesson):
        arguments = [f'"{maker.cell}",' for maker in group]
        if name != lesson:
            arguments.append(f'lesson="{name}",')
        lines.append(_fill_in_call(arguments))

    cell = _replacement_cell("code", f"fill-{next_cell}", "\n".join(lines), [])
    return {**cell, "execution_count": None, "outputs": []}


def _fill_in_call(arguments: Sequence[str]) -> str:
    """Return a call of ``w.fill_in`` with these arguments, each with its comma, in one line or wrapped."""
    text = " ".join(arguments)
    call = f"w.fill_in({text.rstrip(',')})"
    if len(call) <= FILL_COLUMNS:
        return call

    lines = textwrap.wrap(text, FILL_COLUMNS - 4, break_on_hyphens=False)
    indented_lines = [f"    {line}" for line in lines]
    return "\n".join(["w.fill_in(", *indented_lines, ")"])


def _with_text_of_track(cell: Cell, part: LessonOnTrack) -> Cell:
    """Return a kept cell as it is, or, for the first and the last text, a cell with the track's text.

    A text that the participant edited stays as it is.
    """
    texts = part.texts.get(cell["id"])
    if texts is None:
        return cell
    shipped_text, track_text = texts
    if track_text == shipped_text or cell_text(cell) != shipped_text:
        return cell

    text_cell = _replacement_cell("markdown", cell["id"], track_text, [cell])
    text_cell["metadata"][KEY]["text"] = track_text
    return text_cell


def _replacement_cell(cell_type: str, cell_id: str, source: str, replaced_cells: Sequence[Cell]) -> Cell:
    """Return a cell that stands in the place of others, in the form in which JupyterLab saves it."""
    lines = source.splitlines(keepends=True)
    metadata = {KEY: {"cells": list(replaced_cells)}}
    return {"cell_type": cell_type, "id": cell_id, "metadata": metadata, "source": lines}


def _markdown_of(cell: Cell) -> str:
    """Return a cell as Markdown, with headings in bold: JupyterLab's table of contents must not list them."""
    if cell["cell_type"] == "code":
        return f"```python\n{cell_text(cell)}\n```"
    return HEADING.sub(r"**\1**", cell_text(cell))
