"""The files of one exercise: its definitions as the lessons brought them, as solved, and as the participant's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import MAX_NOTEBOOK_BYTES, parse_json, read_small_text
from workshop_kit.workspace import definitions, merge, steps
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import BASE, HIDDEN
from workshop_kit.workspace.merge import Change
from workshop_kit.workspace.notebook import cell_text, notebook_bytes
from workshop_kit.workspace.syntax import is_same

LEFT_OUT = (".git", "__pycache__", ".ipynb_checkpoints", ".venv")
"""Parts of a participant's folders that a check does not copy."""
DAMAGED = (WorkshopError, ValueError, LookupError, TypeError, StopIteration)
"""What a notebook raises that is missing or damaged."""


class UnreadableFile(WorkshopError):
    """The participant's text cannot be judged: it is missing, or no text."""


@dataclass(frozen=True)
class ExerciseFiles:
    """The texts of one exercise. ``root`` is the checkout, ``folder`` the participant's workspace."""

    root: Path
    folder: Path
    exercise: Exercise

    @cached_property
    def solution(self) -> Mapping[str, str]:
        """The solved definitions by the path of their file in the workspace, the exercise's own first.

        For a notebook it is the cell's text.
        """
        exercise = self.exercise
        if exercise.file is None:
            return {exercise.path: (self.root / exercise.solution / steps.CELL).read_text()}
        changes = steps.answer(exercise, self.root / exercise.solution)
        own_first = sorted(changes, key=lambda change: change.path != exercise.path)
        return {change.path: change.text for change in own_first}

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names of the definitions of a file that the exercise is about."""
        solved_names = steps.own_names(Change(path, self.solution[path]))
        return (*solved_names, *self.exercise.removes)

    def names_with_helpers(self, path: str, mine: str, later: str) -> list[str]:
        """Return the names of the exercise's definitions, and of those that the participant added to a file.

        ``mine`` is the participant's text, ``later`` the file of a later lesson, in which the answer will stand.
        """
        names = self.names(path)
        known_names = {*names, *definitions.split(path, self.base_text(path)), *definitions.split(path, later)}
        return [*names, *(name for name in steps.own_names(Change(path, mine)) if name not in known_names)]

    @property
    def shown_name(self) -> str:
        """The participant's file for messages, with the workspace's name: the checkout has files of the same names."""
        return f"{self.folder.name}/{self.exercise.path}"

    def base_text(self, path: str) -> str:
        """Return a file as the lessons have brought it so far; "" before they did."""
        base = self.folder / HIDDEN / BASE / path
        return base.read_text(encoding="utf-8") if base.is_file() else ""

    def read_text(self, path: str = "") -> str:
        """Return the text of a file of the participant, by default the exercise's. Raises UnreadableFile."""
        path = path or self.exercise.path
        shown_name = f"{self.folder.name}/{path}"
        step = f"Run `./workshop reset {self.exercise.id}` to get it back."
        if self.exercise.file and not self.base_text(path):
            step = f"It comes with lesson {self.exercise.page}: run that lesson's cells from the first one on."

        file = self.folder / path
        try:
            if self.exercise.file:
                return read_small_text(file)
            return read_small_text(file, max_bytes=MAX_NOTEBOOK_BYTES)
        except FileNotFoundError:
            raise UnreadableFile(f"{shown_name} cannot be read (No such file or directory).", step) from None
        except NotReady as error:
            raise UnreadableFile(error.what.replace(str(file), shown_name), step) from error

    def own_text(self) -> str | None:
        """Return the participant's definitions or notebook cell; None where they cannot be found."""
        try:
            if self.exercise.file is None:
                cell = _find_cell(parse_json(self.read_text()), self.exercise.cell)
                return cell_text(cell)
            texts = {path: self._own_definitions(path) for path in self.solution}
        except DAMAGED:
            return None
        return join_texts(texts) if any(texts.values()) else None

    def _own_definitions(self, path: str) -> str:
        """Return the participant's definitions in a file. Raises WorkshopError if it cannot be read."""
        own = definitions.split(path, self.read_text(path))
        return "\n\n".join(own[name].strip("\n") for name in self.names(path) if name in own)

    def place(self, path: str) -> str:
        """Return what to edit: the definitions of the exercise's file, and the names of its other files."""
        own_path, *others = self.solution
        names = steps.own_names(Change(own_path, self.solution[own_path]))
        place = f"{', '.join(names)} in {path}" if own_path.endswith(".py") else path
        return ", ".join([place, *(Path(other).name for other in others)])

    def is_brought(self) -> bool:
        """Return whether the lessons have brought the exercise: its files, and all that they show of it."""
        if self.exercise.file is None:
            return True
        for path in self.solution:
            base = self.base_text(path)
            shown_names = steps.shown_names(steps.load(self.root), self.exercise.id, path)
            missing = shown_names.intersection(self.names(path)) - definitions.split(path, base).keys()
            if not base or missing:
                return False
        return True

    def is_untouched(self) -> bool:
        """Return whether the participant has not begun: all definitions are as the lessons brought them."""
        if self.exercise.file is None:
            own = self.own_text()
            return own is not None and is_same("cell.py", own, self.starter_cell())
        return self.is_brought() and self._has_texts(self.base_text)

    def is_solved(self) -> bool:
        """Return whether all definitions are those of the solution."""
        return self.exercise.file is not None and self._has_texts(lambda path: self.solution[path])

    def _has_texts(self, text_of: Callable[[str], str]) -> bool:
        """Return whether the participant's definitions are those of the texts that ``text_of`` returns for a path."""
        try:
            for path in self.solution:
                own = self.read_text(path)
                if not merge.is_same_in(path, own, text_of(path), self.names(path)):
                    return False
        except WorkshopError:
            return False
        return True

    def starter_cell(self) -> str:
        """Return the text of the notebook's cell as participants get it."""
        cells = notebook_cells(self.root / self.exercise.path)
        text: str = next(cell["source"] for cell in cells if cell["id"] == self.exercise.cell)
        return text

    def solved_texts(self) -> dict[str, str]:
        """Return the participant's files with the solution in them, by their paths. Raises WorkshopError."""
        if self.exercise.file is None:
            return {self.exercise.path: self._with_cell(self.solution[self.exercise.path])}
        return {path: self._solved(path) for path in self.solution}

    def _solved(self, path: str) -> str:
        change = Change(path, self.solution[path])
        return steps.with_solution(change, self._text_or_base(path), self.base_text(path), self.exercise.removes)

    def starter_texts(self) -> dict[str, str]:
        """Return the participant's files with the exercise as the lessons brought it. Raises WorkshopError."""
        if self.exercise.file is None:
            return {self.exercise.path: self._with_cell(self.starter_cell())}
        if not self.is_brought():
            raise UnreadableFile(
                f"{self.shown_name} has not got {self.exercise.id}: no cell brought it yet.",
                f"`./workshop goto {self.exercise.lesson}` brings the lesson back to its start.",
            )
        return {path: self._with_starter(path) for path in self.solution}

    def _with_starter(self, path: str) -> str:
        mine = self._text_or_base(path)
        return merge.restore(path, mine, self.base_text(path), self.names(path))

    def _text_or_base(self, path: str) -> str:
        """Return the participant's file, or the one of the lessons where that is damaged or missing."""
        try:
            text = self.read_text(path)
            definitions.split(path, text)
        except WorkshopError:
            return self.base_text(path)
        return text

    def _with_cell(self, body: str) -> str:
        """Return the participant's notebook with ``body`` in the exercise's cell; a fresh one if that is damaged."""
        try:
            return _put_into_cell(self.read_text(), self.exercise.cell, body)
        except DAMAGED:
            return _put_into_cell((self.root / self.exercise.path).read_text(), self.exercise.cell, body)


def _put_into_cell(text: str, cell_id: str, body: str) -> str:
    notebook = parse_json(text)
    cell = _find_cell(notebook, cell_id)
    cell["source"] = body.rstrip("\n").splitlines(keepends=True)
    return notebook_bytes(notebook).decode()


def copy_folder(folder: Path, target: Path) -> None:
    """Copy a participant's folder into another one, without the parts of `LEFT_OUT`.

    Raises UnreadableFile if it cannot be copied.
    """
    try:
        shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    except OSError as error:
        reason = error.args[0][0][-1] if isinstance(error, shutil.Error) else error  # of many, the first one's
        raise UnreadableFile(
            f"{folder.name} cannot be copied: {reason}.", "Make that readable, or remove it."
        ) from error


def join_texts(texts: Mapping[str, str]) -> str:
    """Return the texts of an exercise's files as one; if there are several, each has its file's name above it."""
    if len(texts) == 1:
        return "".join(texts.values())
    return "\n".join(f"# {Path(path).name}\n{text}" for path, text in texts.items())


def _find_cell(notebook: Mapping[str, Any], cell_id: str) -> dict[str, Any]:
    """Return the cell of that id. Raises StopIteration without one, and others where the notebook is damaged."""
    cell: dict[str, Any] = next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)
    return cell
