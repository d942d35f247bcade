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


def merge(name: str, base: bytes | None, mine: bytes, new: bytes) -> Merged:
    """Return ``mine`` brought from ``base`` (what it was made from; None: unknown) to ``new``.

    A notebook is merged by cells, a file with exercises by regions, anything else as a whole.
    """
    if mine in (base, new):
        return new, ()
    if new == base:
        return mine, ()
    try:
        if name.endswith(".ipynb"):
            return _notebook(base, mine, new)
        if base is not None:
            return _exercise(base.decode(), mine.decode(), new.decode())
    except (ValueError, KeyError, TypeError, AttributeError, regions.MarkerError):
        pass  # damaged by a hand edit: it stays as it is
    return mine, WHOLE


def same_code(one: str, other: str) -> bool:
    """Return whether the two differ only in blank lines, trailing spaces, and lines that hold a ``#`` comment."""
    return _lines(one) == _lines(other)


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """Return a notebook as it is committed: indented by one, in UTF-8, with a final newline."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _notebook(base: bytes | None, mine: bytes, new: bytes) -> Merged:
    before = _cells(base) if base else {}
    theirs = _cells(mine)
    document = json.loads(new)
    cells: list[Cell] = []
    conflicts: list[str] = []
    for cell in document["cells"]:
        own = theirs.get(cell["id"])
        old = before.get(cell["id"])
        if own is None:
            if old is None:  # new in this version; one that the participant deleted stays deleted
                cells.append(cell)
        elif _source(own) == _source(cell):
            cells.append(own)  # with its outputs
        elif old is not None and _source(own) == _source(old):
            cells.append(cell)
        else:
            cells.append(own)
            if old is None or _source(old) != _source(cell):
                conflicts.append(cell["id"])
    _put_back_own(cells, json.loads(mine)["cells"], before)
    document["cells"] = cells
    return notebook_bytes(document), tuple(conflicts)


def _put_back_own(cells: list[Cell], theirs: list[Cell], before: Mapping[str, Cell]) -> None:
    """Insert the cells that the participant added or changed, each behind the cell that it followed."""
    here = {cell["id"] for cell in cells}
    previous: str | None = None
    for cell in theirs:
        old = before.get(cell["id"])
        if cell["id"] not in here and (old is None or _source(old) != _source(cell)):
            ids = [one["id"] for one in cells]
            cells.insert(ids.index(previous) + 1 if previous in ids else 0, cell)
            here.add(cell["id"])
        if cell["id"] in here:
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


def grow(base: str, mine: str, new: str) -> Grown:
    """Return ``mine`` brought from ``base``, which it was made from, to ``new``: regions and other changes stay."""
    written = _written_regions(base, mine)
    plain = mine
    for name in written:
        plain = regions.replace(plain, name, regions.region_of(base, name))
    merged = merge_lines(base, plain, new)
    if merged is None:
        return Grown(mine, is_conflict=True)
    places = regions.ids(merged)
    for name, body in written.items():
        if name in places:
            merged = regions.replace(merged, name, body)
    return Grown(merged, gone=tuple(name for name in written if name not in places))


def merge_lines(base: str, mine: str, new: str) -> str | None:
    """Return ``base`` with the changes of both, line by line; None where both changed the same lines in two ways."""
    lines = regions.lines_of(base)
    hunks = sorted({*_hunks(lines, regions.lines_of(mine)), *_hunks(lines, regions.lines_of(new))})
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
    for kind, first, end, start, stop in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _Hunk(first, end, tuple(after[start:stop]))


def _written_regions(base: str, mine: str) -> dict[str, str]:
    """Return the regions that the participant has changed; none where the markers are damaged."""
    try:
        names = set(regions.ids(base)) & set(regions.ids(mine))
    except regions.MarkerError:
        return {}
    bodies = {name: regions.region_of(mine, name) for name in names}
    return {name: body for name, body in bodies.items() if body != regions.region_of(base, name)}


def _exercise(base: str, mine: str, new: str) -> Merged:
    grown = grow(base, mine, new)
    if grown.is_conflict or grown.gone:
        return mine.encode(), WHOLE
    both = [name for name in _written_regions(base, mine) if name in _written_regions(base, new)]
    return grown.text.encode(), tuple(both)


def _cells(notebook: bytes) -> dict[str, Cell]:
    return {cell["id"]: cell for cell in json.loads(notebook)["cells"]}


def _source(cell: Cell) -> str:
    """Return a cell's text; notebooks have it as one string or as a list of lines."""
    return "".join(cell["source"])


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    return [line for line in filled if not line.lstrip().startswith("#")]
