"""Merge a new version of a lesson or exercise into a participant's copy, and compare code. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from workshop_kit.workspace import regions

Cell = dict[str, Any]
Merged = tuple[bytes, tuple[str, ...]]
"""A merged file, and the places (cell ids, regions) that stay the participant's where the new version differs, too."""
WHOLE = ("the whole file",)


def merge(name: str, base: bytes | None, mine: bytes, new_version: bytes) -> Merged:
    """Return ``mine`` brought from ``base`` (what it was made from; None: unknown) to ``new_version``.

    A notebook is merged by cells, a file with exercises by regions, anything else as a whole.
    """
    if mine in (base, new_version):
        return new_version, ()
    if new_version == base:
        return mine, ()
    try:
        if name.endswith(".ipynb"):
            return _notebook(base, mine, new_version)
        if base is not None:
            return _exercise(base.decode(), mine.decode(), new_version.decode())
    except (ValueError, KeyError, TypeError, AttributeError, regions.MarkerError):
        pass  # damaged by a hand edit: it stays as it is
    return mine, WHOLE


def same_code(code: str, other_code: str) -> bool:
    """Return whether the two differ only in blank lines, trailing spaces, and lines that hold a ``#`` comment."""
    return _lines(code) == _lines(other_code)


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """Return a notebook as it is committed: indented by one, in UTF-8, with a final newline."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _notebook(base: bytes | None, mine: bytes, new_version: bytes) -> Merged:
    base_cells = _cells(base) if base else {}
    participant_cells = _cells(mine)
    document = json.loads(new_version)
    cells: list[Cell] = []
    conflicts: list[str] = []

    for cell in document["cells"]:
        participant_cell = participant_cells.get(cell["id"])
        base_cell = base_cells.get(cell["id"])
        if participant_cell is None:
            if base_cell is None:  # new in this version; one that the participant deleted stays deleted
                cells.append(cell)
        elif _source(participant_cell) == _source(cell):
            cells.append(participant_cell)  # with its outputs
        elif base_cell is not None and _source(participant_cell) == _source(base_cell):
            cells.append(cell)
        else:
            cells.append(participant_cell)
            if base_cell is None or _source(base_cell) != _source(cell):
                conflicts.append(cell["id"])

    _put_back_cells(cells, json.loads(mine)["cells"], base_cells)
    document["cells"] = cells
    return notebook_bytes(document), tuple(conflicts)


def _put_back_cells(cells: list[Cell], participant_cells: list[Cell], base_cells: Mapping[str, Cell]) -> None:
    """Insert the cells that the participant added or changed, each behind the cell that it followed."""
    present_ids = {cell["id"] for cell in cells}
    previous: str | None = None
    for cell in participant_cells:
        base_cell = base_cells.get(cell["id"])
        if cell["id"] not in present_ids and (base_cell is None or _source(base_cell) != _source(cell)):
            ids = [placed_cell["id"] for placed_cell in cells]
            cells.insert(ids.index(previous) + 1 if previous in ids else 0, cell)
            present_ids.add(cell["id"])
        if cell["id"] in present_ids:
            previous = cell["id"]


@dataclass(frozen=True)
class Grown:
    """A file that was brought from one version to the next, as ``text``.

    ``is_conflict``: the participant and the new version changed the same lines; ``text`` is the participant's then.
    ``gone``: regions that the participant had changed, and for which the new version has no place.
    """

    text: str
    is_conflict: bool = False
    gone: tuple[str, ...] = ()


def grow(base: str, mine: str, new_version: str) -> Grown:
    """Return ``mine`` brought from its ``base`` to ``new_version``: regions and other changes stay."""
    written_regions = _written_regions(base, mine)
    without_answers = mine
    for name in written_regions:
        without_answers = regions.replace(without_answers, name, regions.region_of(base, name))
    merged = merge_lines(base, without_answers, new_version)
    if merged is None:
        return Grown(mine, is_conflict=True)

    places = regions.ids(merged)
    for name, body in written_regions.items():
        if name in places:
            merged = regions.replace(merged, name, body)
    return Grown(merged, gone=tuple(name for name in written_regions if name not in places))


def merge_lines(base: str, mine: str, new_version: str) -> str | None:
    """Return ``base`` with the changes of both, line by line; None where both changed the same lines in two ways."""
    lines = regions.lines_of(base)
    hunks = sorted({*_hunks(lines, regions.lines_of(mine)), *_hunks(lines, regions.lines_of(new_version))})
    merged: list[str] = []
    position = 0
    previous: _Hunk | None = None
    for hunk in hunks:
        if previous is not None and hunk.begins_with(previous):
            hunk_lines = hunk.lines[len(previous.lines) :]  # one side wrote the first of the other's lines
        elif previous is not None and hunk.meets(previous):
            return None
        else:
            hunk_lines = hunk.lines
        merged += lines[position : hunk.first]
        merged += hunk_lines
        position = hunk.end
        previous = hunk

    return "".join([*merged, *lines[position:]])


@dataclass(frozen=True, order=True)
class _Hunk:
    """A change: the lines from ``first`` to before ``end`` are replaced."""

    first: int
    end: int
    lines: tuple[str, ...]

    def begins_with(self, other: _Hunk) -> bool:
        """Return whether the two replace the same lines, and the other's new lines are the first of these."""
        same_place = (self.first, self.end) == (other.first, other.end)
        return same_place and self.lines[: len(other.lines)] == other.lines

    def meets(self, earlier: _Hunk) -> bool:
        """Return whether the two replace the same lines, or insert in the same place."""
        return self.first < earlier.end or self.first == earlier.first


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[_Hunk]:
    """Yield the changes that lead from ``before`` to ``after``."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, first_line, end_line, new_start, new_stop in matcher.get_opcodes():
        if kind != "equal":
            yield _Hunk(first_line, end_line, tuple(after[new_start:new_stop]))


def _written_regions(base: str, mine: str) -> dict[str, str]:
    """Return the regions that the participant has changed; none where the markers are damaged."""
    try:
        names = set(regions.ids(base)) & set(regions.ids(mine))
    except regions.MarkerError:
        return {}
    bodies = {name: regions.region_of(mine, name) for name in names}
    return {name: body for name, body in bodies.items() if body != regions.region_of(base, name)}


def _exercise(base: str, mine: str, new_version: str) -> Merged:
    grown = grow(base, mine, new_version)
    if grown.is_conflict or grown.gone:
        return mine.encode(), WHOLE

    changed_by_project = _written_regions(base, new_version)
    changed_in_both = [name for name in _written_regions(base, mine) if name in changed_by_project]
    return grown.text.encode(), tuple(changed_in_both)


def _cells(notebook: bytes) -> dict[str, Cell]:
    return {cell["id"]: cell for cell in json.loads(notebook)["cells"]}


def _source(cell: Cell) -> str:
    """Return a cell's text; notebooks have it as one string or as a list of lines."""
    return "".join(cell["source"])


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    return [line for line in filled if not line.lstrip().startswith("#")]
