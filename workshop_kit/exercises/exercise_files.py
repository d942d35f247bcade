"""The texts of one exercise: the marked source, the starter made from it, and what the participant has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.workspace import regions
from workshop_kit.workspace.merge import language_of, same_code
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.exercises.registry import Exercise
from workshop_kit.workspace.solutions import COLLEAGUE, FIRST, MARK

LARGEST_BYTES = 1_000_000
"""A larger file is no exercise any more."""


class Unreadable(WorkshopError):
    """The participant's text cannot be judged: it is gone, not text, or its markers are damaged."""


@dataclass(frozen=True)
class Texts:
    """``root`` is the checkout, ``folder`` the participant's workspace."""

    root: Path
    folder: Path
    exercise: Exercise

    @property
    def marked(self) -> str:
        """The source with both versions in it."""
        name = self.exercise.file or "notebook.py"
        return (self.root / "solutions" / self.exercise.lesson / name).read_text()

    @property
    def solution(self) -> str:
        """The region as it is when solved."""
        return regions.region_of(regions.solved(self.marked), self.exercise.id)

    @property
    def starter(self) -> str:
        """The region as a participant gets it."""
        return regions.region_of(regions.starter(self.marked), self.exercise.id)

    @property
    def name(self) -> str:
        """The participant's file, as a path in the workspace."""
        return self.exercise.path

    @property
    def _shown(self) -> str:
        """The same for people, who may stand in the checkout, which has folders of these names, too."""
        return f"{self.folder.name}/{self.name}"

    def mine(self) -> str:
        """The participant's file. Raises Unreadable."""
        path = self.folder / self.name
        step = f"Run `./workshop reset {self.exercise.id}` to get it back."
        is_late = self.exercise.judges == "service" and self.exercise.lesson > FIRST
        if is_late and not (self.folder / MY_SERVICE / MARK).exists():
            step = f"It comes with lesson {COLLEAGUE}: run that lesson's cells from the first one on."
        try:
            if path.stat().st_size > LARGEST_BYTES and self.exercise.file:
                raise Unreadable(f"{self._shown} is larger than a megabyte.", step)
            return path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise Unreadable(f"{self._shown} is not text in UTF-8.", step) from error
        except OSError as error:
            raise Unreadable(f"{self._shown} cannot be read ({error.strerror}).", step) from error

    def composed(self) -> Mapping[str, str]:
        """The files of the lesson as the check runs them: this region the participant's, all others solved.

        Raises Unreadable with the line when the markers of the participant's file are damaged.
        """
        try:
            own = regions.others_solved(self.mine(), self.marked, self.exercise.id)
        except regions.MarkerError as damaged:
            where = damaged.in_file(self._shown)
            raise Unreadable(where.what, where.next_step) from damaged
        files = {
            path.name: regions.solved(path.read_text())
            for path in (self.root / "solutions" / self.exercise.lesson).iterdir()
            if path.is_file() and path.name != "notebook.py"
        }
        return {**files, self.exercise.file or "": own}

    def region(self) -> str | None:
        """The participant's region, or their cell; None where it cannot be found."""
        try:
            if self.exercise.file:
                return regions.region_of(self.mine(), self.exercise.id)
            return _cell(json.loads(self.mine()), self.exercise.cell)
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            return None

    def lines(self) -> str:
        """Where the region is in the participant's file: ``lines 34–43``; "" where that cannot be told."""
        try:
            region = regions.find(self.mine(), self.exercise.id)
        except WorkshopError:
            return ""
        if region.first_line == region.last_line:
            return f"line {region.first_line}"
        return f"lines {region.first_line}–{region.last_line}"

    def is_untouched(self) -> bool:
        """Whether the region is the starter, or as a cell of the lesson wrote it; False when it cannot be found."""
        mine, language = self.region(), language_of(self.name)
        begun_from = (self.starter, *self._regions_in_file_cells())
        return mine is not None and any(same_code(mine, text, language=language) for text in begun_from)

    def _regions_in_file_cells(self) -> Iterator[str]:
        """Yield the region as each cell of the lessons writes it: a lesson may change the file before the exercise."""
        from workshop_kit.workspace.file_cell import shipped_cells  # with IPython, which a hint need not wait for

        for _, text in shipped_cells(self.root / "notebooks", self.name):
            if self.exercise.id in regions.ids(text):
                yield regions.region_of(text, self.exercise.id)

    def with_body(self, body: str) -> str:
        """The participant's file with ``body`` in the exercise's place and all else as it is.

        Where that is damaged, it goes into the file as it comes with the workshop. The caller keeps the old one aside.
        """
        try:
            return self._put_into(self.mine(), body)
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            fresh = regions.starter(self.marked) if self.exercise.file else (self.root / self.name).read_text()
            return self._put_into(fresh, body)

    def _put_into(self, text: str, body: str) -> str:
        if self.exercise.file:
            return regions.replace(text, self.exercise.id, body)
        notebook = json.loads(text)
        cell = next(cell for cell in notebook["cells"] if cell.get("id") == self.exercise.cell)
        cell["source"] = body.rstrip("\n").splitlines(keepends=True)
        return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cell(notebook: Mapping[str, Any], cell_id: str) -> str:
    return next("".join(cell["source"]) for cell in notebook["cells"] if cell.get("id") == cell_id)
