"""Merge a new version of a file into a participant's copy. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from workshop_kit.workspace import regions

Cell = dict[str, Any]
Merged = tuple[bytes, tuple[str, ...]]
"""A merged file, and the regions that both changed: there, the participant's version stays."""
WHOLE = ("the whole file",)


def merge(base: bytes | None, mine: bytes, new_version: bytes) -> Merged:
    """Return ``mine`` with the changes that lead from ``base`` to ``new_version``.

    ``base`` is the version that ``mine`` was made from, None if unknown. A file with exercises is merged by regions,
    anything else as a whole.
    """
    if mine in (base, new_version):
        return new_version, ()
    if new_version == base:
        return mine, ()
    if base is None:
        return mine, WHOLE
    try:
        return _merge_exercises(base.decode(), mine.decode(), new_version.decode())
    except (ValueError, regions.MarkerError):
        return mine, WHOLE  # an edit has damaged the file: it stays as it is


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """Return a notebook as it is committed: indented by one, in UTF-8, with a final newline."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class MergedFile:
    """A file that was brought from one version to the next, as ``text``.

    ``is_conflict``: the participant and the new version changed the same lines, and ``text`` is the participant's.
    ``lost_regions``: the regions that the participant had changed and that the new version lacks.
    """

    text: str
    is_conflict: bool = False
    lost_regions: tuple[str, ...] = ()


def grow(base: str, mine: str, new_version: str) -> MergedFile:
    """Return ``mine`` brought from its ``base`` to ``new_version``; the participant's changes stay."""
    written_bodies = _written_regions(base, mine)
    without_answers = mine
    for name in written_bodies:
        without_answers = regions.replace(without_answers, name, regions.region_of(base, name))

    merged = merge_lines(base, without_answers, new_version)
    if merged is None:
        return MergedFile(mine, is_conflict=True)

    merged_ids = regions.ids(merged)
    for name, body in written_bodies.items():
        if name in merged_ids:
            merged = regions.replace(merged, name, body)
    lost_regions = tuple(name for name in written_bodies if name not in merged_ids)
    return MergedFile(merged, lost_regions=lost_regions)


def merge_lines(base: str, mine: str, new_version: str) -> str | None:
    """Return ``base`` with the changes of both, line by line; None where both changed the same lines in two ways."""
    lines = regions.lines_of(base)
    my_hunks = _hunks(lines, regions.lines_of(mine))
    new_hunks = _hunks(lines, regions.lines_of(new_version))
    merged: list[str] = []
    position = 0
    previous: _Hunk | None = None

    for hunk in sorted({*my_hunks, *new_hunks}):
        hunk_lines = hunk.lines
        if previous is not None and hunk.begins_with(previous):
            hunk_lines = hunk.lines[len(previous.lines) :]  # the lines of `previous` are merged already
        elif previous is not None and hunk.meets(previous):
            return None
        merged += lines[position : hunk.first]
        merged += hunk_lines
        position = hunk.end
        previous = hunk

    return "".join([*merged, *lines[position:]])


@dataclass(frozen=True, order=True)
class _Hunk:
    """A change of a text: ``lines`` replace those from the index ``first`` to before ``end``."""

    first: int
    end: int
    lines: tuple[str, ...]

    def begins_with(self, other: _Hunk) -> bool:
        """Return whether both replace the same lines, and the new lines begin with the other hunk's new lines."""
        same_place = (self.first, self.end) == (other.first, other.end)
        return same_place and self.lines[: len(other.lines)] == other.lines

    def meets(self, earlier: _Hunk) -> bool:
        """Return whether both replace a line, or begin at the same place; ``earlier`` comes first in the order."""
        return self.first < earlier.end or self.first == earlier.first


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[_Hunk]:
    """Yield the changes that lead from ``before`` to ``after``."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, first, end, new_first, new_end in matcher.get_opcodes():
        if kind != "equal":
            yield _Hunk(first, end, tuple(after[new_first:new_end]))


def _written_regions(base: str, mine: str) -> dict[str, str]:
    """Return the bodies of the regions in ``mine`` that differ from ``base``, by id; none where markers are damaged."""
    try:
        names = set(regions.ids(base)) & set(regions.ids(mine))
    except regions.MarkerError:
        return {}
    bodies = {name: regions.region_of(mine, name) for name in names}
    return {name: body for name, body in bodies.items() if body != regions.region_of(base, name)}


def _merge_exercises(base: str, mine: str, new_version: str) -> Merged:
    """Return a file with exercises merged, with the ids of the regions that both changed."""
    grown = grow(base, mine, new_version)
    if grown.is_conflict or grown.lost_regions:
        return mine.encode(), WHOLE

    changed_by_participant = _written_regions(base, mine)
    changed_by_project = _written_regions(base, new_version)
    conflicts = tuple(name for name in changed_by_participant if name in changed_by_project)
    return grown.text.encode(), conflicts


def cell_text(cell: Cell) -> str:
    """Return a cell's text; notebooks have it as one string or as a list of lines."""
    return "".join(cell["source"])
