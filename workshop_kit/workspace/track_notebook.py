"""A lesson's notebook on a track: each stretch of cells that the track skips is one text cell, a mark. Pure.

The mark shows the stretch behind a triangle, as text, so that "Run all" passes it over in every editor and Shift+Enter
takes one step. ``metadata.workshop`` holds its cells, so that `unfold` gives back the notebook byte for byte.

What skipped cells would have made is filled in before the next cell that runs, also that of lessons before. The first
and the last text say what is left.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from workshop_kit.workspace import summary
from workshop_kit.workspace.course import Course, Section, notebook_cells
from workshop_kit.workspace.merge import Cell, notebook_bytes

KEY = "workshop"
"""The name of our part of a cell's metadata: ``cells`` has the cells in whose place the cell stands.

``text`` is what a first or last text was made as, which tells whether it was edited since.
"""
MAKERS = ("%%file ", "w.exercise(")
"""How the cells begin that make a file, or have an exercise in one."""
SETUP = "setup"
"""The id of the first code cell of a lesson: before it, nothing can be filled in."""
NOTE = "note-"
"""What the id of an instructor's note begins with; that of the cell below it follows."""
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
    """What a track has of a lesson: the cells (ids) that it ``kept``, none if it leaves the lesson out.

    ``earlier`` are the makers that the track skips before the lesson, and that nothing has filled in. ``texts`` has the
    first and the last text by id: as it is shipped, and as the track has it.
    """

    lesson: str
    track: str
    sections: Sequence[Section]
    kept: frozenset[str]
    earlier: tuple[Maker, ...] = ()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def is_user(self, cell: Cell) -> bool:
        """Return whether a cell may need what was skipped before it: code, but for the first and the last section's."""
        return _is_user(cell, self.sections)


def on_track(root: Path, course: Course, lesson: str, track: str) -> LessonOnTrack:
    """Return what ``track`` has of a lesson of the checkout ``root``."""
    kept_cells = course.kept(lesson, track)
    if not kept_cells:
        return LessonOnTrack(lesson, track, course.sections.get(lesson, ()), kept_cells)
    return LessonOnTrack(
        lesson,
        track,
        course.sections[lesson],
        kept_cells,
        tuple(_earlier_makers(root, course, lesson, track)),
        _texts(root, course, lesson, track),
    )


def _earlier_makers(root: Path, course: Course, lesson: str, track: str) -> list[Maker]:
    """Return the makers that the track skips before a lesson, and that no cell of an earlier lesson fills in."""
    pending_makers: list[Maker] = []
    for name in course.notebooks[: course.notebooks.index(lesson)]:
        if course.is_more(name):
            continue

        kept_cells = course.kept(name, track)
        for cell in notebook_cells(root / "notebooks" / f"{name}.ipynb"):
            if cell["id"] not in kept_cells:
                pending_makers += _makers(name, [cell])
            elif _is_user(cell, course.sections[name]):
                pending_makers = []
    return pending_makers


def _is_user(cell: Cell, sections: Sequence[Section]) -> bool:
    return cell["cell_type"] == "code" and cell["id"] != SETUP and cell["id"] not in sections[-1].cells


def _makers(lesson: str, cells: Sequence[Cell]) -> list[Maker]:
    """Return those of some cells that make a file."""
    return [Maker(lesson, cell["id"]) for cell in cells if "".join(cell["source"]).startswith(MAKERS)]


def _texts(root: Path, course: Course, lesson: str, track: str) -> dict[str, tuple[str, str]]:
    """Return the first and the last text of a lesson by id: with all lines, and with those of the track."""
    lines = summary.load(root, lesson)
    if lines is None:
        return {}
    all_cells = frozenset(cell for part in course.sections[lesson] for cell in part.cells)
    kept_cells = course.kept(lesson, track)
    return {
        summary.HEAD: (
            lines.head(all_cells, course.minutes(lesson, "full")),
            lines.head(kept_cells, course.minutes(lesson, track)),
        ),
        summary.END: (lines.end(all_cells), lines.end(kept_cells, _next_link(course, lesson, track))),
    }


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
    """Return ``notebook`` with what the track skips of it folded; a lesson that is not on the track stays whole.

    A stretch in which a cell was run stays as it is. A damaged notebook is returned as it is.
    """
    notebook = unfold(notebook)
    if not part.kept:
        return notebook
    try:
        document = json.loads(notebook)
        cells = list(_on_track(document["cells"], part))
        if cells == document["cells"]:
            return notebook
    except (ValueError, LookupError, TypeError, AttributeError):
        return notebook
    return notebook_bytes({**document, "cells": cells})


def _on_track(cells: Sequence[Cell], part: LessonOnTrack) -> Iterator[Cell]:
    """Yield the cells of a notebook on a track."""
    lesson_cells = {cell for section in part.sections for cell in section.cells}
    pending_makers = list(part.earlier)
    skipped_cells = lesson_cells - part.kept

    for is_skipped, group in groupby(cells, key=lambda cell: cell["id"] in skipped_cells):
        stretch = list(group)
        if is_skipped and not any(cell.get("execution_count") or cell.get("outputs") for cell in stretch):
            yield _mark(stretch, part)
            pending_makers += _makers(part.lesson, stretch)
            continue

        for cell in stretch:
            if pending_makers and part.is_user(cell):
                yield _fill(cell["id"], pending_makers, part.lesson)
                pending_makers = []
            yield _with_text_of_track(cell, part)


def unfold(notebook: bytes) -> bytes:
    """Return ``notebook`` as it is without a track; one in which nothing is folded, or a damaged one, as it is."""
    if f'"{KEY}"'.encode() not in notebook:
        return notebook
    try:
        document = json.loads(notebook)
        unfolded_cells: list[Cell] = []
        for cell in document["cells"]:
            unfolded_cells += replaced_by(cell) or [cell]
        cells = [cell for cell in unfolded_cells if KEY not in cell["metadata"]]
    except (ValueError, LookupError, TypeError, AttributeError):
        return notebook
    return notebook_bytes({**document, "cells": cells})


def replaced_by(cell: Cell) -> list[Cell]:
    """Return the cells in whose place a cell stands; [] for a cell of the lesson."""
    entry = cell["metadata"].get(KEY, {})
    cells = list(entry.get("cells", ()))
    if "text" in entry and entry["text"] != "".join(cell["source"]):
        return [{**cells[0], "source": cell["source"]}]  # it was edited
    return cells


def _mark(stretch: Sequence[Cell], part: LessonOnTrack) -> Cell:
    """Return the mark of a stretch."""
    ids = {cell["id"] for cell in stretch}
    headings = [section.heading for section in part.sections if section.cells[0] in ids]
    if stretch[0]["id"].removeprefix(NOTE) not in {section.cells[0] for section in part.sections}:
        headings.insert(0, WITHIN)

    cells = "\n\n".join(map(_as_text, stretch))
    text = TEXT.format(headings=" · ".join(headings), track=part.track, cells=cells)
    return _replacement_cell("markdown", f"skip-{stretch[0]['id']}", text, stretch)


def _fill(before: str, makers: Sequence[Maker], lesson: str) -> Cell:
    """Return a cell that makes what skipped cells would have made; it stands before the cell ``before``."""
    lines = [FILL_IN]
    for name, group in groupby(makers, key=lambda maker: maker.lesson):
        words = [f'"{maker.cell}",' for maker in group]
        if name != lesson:
            words.append(f'lesson="{name}",')
        call = f"w.fill_in({' '.join(words).rstrip(',')})"
        if len(call) > FILL_COLUMNS:
            wrapped = textwrap.wrap(" ".join(words), FILL_COLUMNS - 4, break_on_hyphens=False)
            call = "\n".join(["w.fill_in(", *(f"    {line}" for line in wrapped), ")"])
        lines.append(call)

    cell = _replacement_cell("code", f"fill-{before}", "\n".join(lines), [])
    return {**cell, "execution_count": None, "outputs": []}


def _with_text_of_track(cell: Cell, part: LessonOnTrack) -> Cell:
    """Return a kept cell; of the first and the last text what is left, unless it was edited."""
    shipped, text = part.texts.get(cell["id"], ("", ""))
    if shipped == text or "".join(cell["source"]) != shipped:
        return cell
    text_cell = _replacement_cell("markdown", cell["id"], text, [cell])
    text_cell["metadata"][KEY]["text"] = text
    return text_cell


def _replacement_cell(cell_type: str, cell_id: str, source: str, instead_of: Sequence[Cell]) -> Cell:
    """Return a cell that stands in the place of others, in the form in which JupyterLab saves it."""
    lines = source.splitlines(keepends=True)
    metadata = {KEY: {"cells": list(instead_of)}}
    return {"cell_type": cell_type, "id": cell_id, "metadata": metadata, "source": lines}


def _as_text(cell: Cell) -> str:
    """Return a cell as Markdown, its headings in bold: the list of headings has those of today only."""
    source = "".join(cell["source"])
    return f"```python\n{source}\n```" if cell["cell_type"] == "code" else HEADING.sub(r"**\1**", source)
