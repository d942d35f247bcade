"""The steps in which the lessons make the participant's files: file cells, and the solutions of exercises.

A definition that a file cell leaves open has its answer right after that cell. All steps are read from ``notebooks/``,
``exercises/`` and ``solutions/``, and nothing else is a source of the service.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workshop_kit.files import files_below
from workshop_kit.workspace import definitions, exercise_list, imports
from workshop_kit.workspace.course import SHORT, lesson_table, notebook_cells
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.merge import Cell, Change, Merged, Record, merge_file, with_imports
from workshop_kit.workspace.syntax import PYTHON, style_of, undefined_names

TOOLS = "tools.py"
"""The participant's own helpers, beside the notebooks."""
CHANGES = " (changes)"
"""The word after the file's name in a cell that shows only definitions that are new or changed."""
FIRST_LINE = re.compile(rf"%%file +(?P<name>\S+)(?P<changes>{re.escape(CHANGES)})?[ \t]*\n")
FIRST = "01_container"
"""The lesson that begins ``my_service/``."""
OPEN = "open"
"""The folder of a lesson with the answers of its open definitions, and the ``exercise`` of their steps."""
CELL = "cell.py"
"""The solution of an exercise that is done in the notebook: the text of its cell."""


@dataclass(frozen=True)
class LessonStep:
    """A file cell, an exercise with its solution, or open definitions with their answer.

    ``exercise`` is "" for a file cell, the id of the exercise, or `OPEN`.
    ``lesson`` is the name of the notebook, ``cell`` the id of the cell; both are "" for what an exercise outside of the
    service starts from. ``removes`` names the definitions that a solution does without.
    """

    lesson: str
    cell: str
    changes: tuple[Change, ...]
    exercise: str = ""
    removes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of a file cell in a record: its lesson and its id."""
        return f"{self.lesson}/{self.cell}"


def file_cell(source: str) -> Change | None:
    """Return what a cell with this ``source`` brings; None if it writes no file.

    >>> file_cell("%%file my_service/app.py\\nprint('hello')")
    Change(path='my_service/app.py', text="print('hello')\\n", is_whole=True)
    """
    match = FIRST_LINE.match(source)
    if match is None:
        return None
    _, _, body = source.partition("\n")
    return Change(path_of(match["name"]), body.rstrip("\n") + "\n", is_whole=match["changes"] is None)


def path_of(name: str) -> str:
    """Return the path in the workspace of the file that a cell names."""
    return f"notebooks/{TOOLS}" if name == TOOLS else name


def load(root: Path) -> tuple[LessonStep, ...]:
    """Return all steps of the checkout ``root``, in the order of the course."""
    return _load(root, tuple(_states(root)))


def _states(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files that the steps are read from, each with the time of its last change."""
    for source in ("notebooks", "exercises", "solutions"):
        for folder, _, names in os.walk(root / source):
            for name in names:
                path = Path(folder, name)
                yield path, path.stat().st_mtime_ns


@functools.lru_cache(maxsize=4)
def _load(root: Path, _states: object) -> tuple[LessonStep, ...]:
    exercises = [exercise for exercise in exercise_list.load(root) if exercise.file]
    by_cell = {exercise.cell: exercise for exercise in exercises}
    steps = list(_starters(root, exercises))
    for lesson, entry in lesson_table(root).items():
        if entry.get("track"):
            continue  # its cells are those of the lessons

        for cell in notebook_cells(root / "notebooks" / f"{lesson}.ipynb"):
            change = file_cell(cell["source"])
            exercise = by_cell.get(cell["id"])
            if change is not None:
                steps.append(LessonStep(lesson, cell["id"], (change,)))
                steps += _open_steps(root, lesson, cell["id"], change)
            elif exercise is not None:
                changes = answer(exercise, root / exercise.solution)
                steps.append(LessonStep(lesson, cell["id"], changes, exercise.id, exercise.removes))
    return tuple(steps)


def _open_steps(root: Path, lesson: str, cell: str, change: Change) -> Iterator[LessonStep]:
    """Yield a step with the answers of the definitions that a file cell leaves open, and with their imports."""
    file = root / "solutions" / lesson / OPEN / Path(change.path).name
    if not file.is_file():
        return

    answer = Change(change.path, file.read_text(encoding="utf-8"))
    shown_names = own_names(change)
    others = [name for name in own_names(answer) if name not in shown_names]
    if others != own_names(answer):
        text = definitions.remove(change.path, answer.text, others)
        yield LessonStep(lesson, cell, (replace(answer, text=text),), OPEN)


def own_names(change: Change) -> list[str]:
    """Return the names of the definitions that a change brings, without its imports."""
    names = definitions.names_in(change.path, change.text)
    return [name for name in names if not imports.is_import(name)]


def _starters(root: Path, exercises: Collection[Exercise]) -> Iterator[LessonStep]:
    """Yield a step for each file that an exercise outside of the service starts from."""
    paths = [exercise.path for exercise in exercises if not exercise.in_service]
    for path in dict.fromkeys(paths):
        starter = Change(path, (root / path).read_text(), is_whole=True)
        yield LessonStep(lesson="", cell="", changes=(starter,))


def answer(exercise: Exercise, place: Path) -> tuple[Change, ...]:
    """Return an answer to an exercise, which stands in a folder or in a file: what it brings to each file."""
    if place.is_file():
        return (Change(exercise.path, place.read_text()),)
    folder, _, _ = exercise.path.rpartition("/")
    return tuple(Change(f"{folder}/{file.relative_to(place)}", file.read_text()) for file in files_below(place))


def before(steps: Sequence[LessonStep], lesson: str) -> tuple[LessonStep, ...]:
    """Return the steps before a lesson begins. Lessons stand in the order of their names."""
    return tuple(step for step in steps if step.lesson < lesson)


@functools.lru_cache(maxsize=64)
def shown_names(steps: tuple[LessonStep, ...], exercise: str, path: str) -> frozenset[str]:
    """Return the names of a file's definitions that cells bring before an exercise."""
    earlier = itertools.takewhile(lambda step: step.exercise != exercise, steps)
    changes = itertools.chain.from_iterable(step.changes for step in earlier)
    names = [own_names(change) for change in changes if change.path == path]
    return frozenset(itertools.chain.from_iterable(names))


def is_solved(_exercise: str) -> bool:
    """Solve every exercise."""
    return True


def files_after(steps: Sequence[LessonStep], solves: Callable[[str], bool] = is_solved) -> dict[str, Merged]:
    """Return the files that these steps make, by their path in the workspace, with the exercises that it ``solves``."""
    files: dict[str, Merged] = {}
    for step in steps:
        for change in step.changes:
            file = files.get(change.path, Merged())
            if not step.exercise:
                cell = Cell(change, change, step.name)
                files[change.path] = merge_file(cell, file.text or None, file.record)
            elif solves(step.exercise):
                text = with_solution(change, file.text, file.record.text, step.removes)
                files[change.path] = replace(file, text=text)
    return files


def with_solution(change: Change, text: str, base: str, removes: Collection[str] = ()) -> str:
    """Return a file's text with the solution of an exercise in it, and without what it ``removes`` and does not have.

    What the file uses stays. ``base`` is the file as the lessons have brought it, from which missing imports come.
    """
    names = definitions.names_in(change.path, change.text)
    left_out = [name for name in removes if name not in names]
    text = definitions.apply(change.path, text, change.text)
    without = definitions.remove(change.path, text, left_out)
    used = undefined_names(without) if style_of(change.path) == PYTHON else set()
    text = definitions.remove(change.path, text, set(left_out) - used)
    return with_imports(change.path, text, base)


def find_cell(steps: Sequence[LessonStep], lesson: str, identifier: str, typed: Change) -> LessonStep | None:
    """Return the file cell of the lessons that a participant runs in the notebook ``lesson``; None for an own one.

    A cell is known by its ``identifier`` in the notebook, "" where the editor does not send it, or by exactly its text.
    The short notebook has the texts of other lessons' cells.
    """
    file_cells = [step for step in steps if not step.exercise]
    cells = [cell for cell in file_cells if cell.changes[0].path == typed.path]
    for cell in cells:
        if (cell.lesson, cell.cell) == (lesson, identifier):
            return cell
    for cell in cells:
        if lesson in (cell.lesson, SHORT) and cell.changes[0] == typed:
            return cell
    return None


def later_names(steps: Sequence[LessonStep], cell: LessonStep, record: Record) -> frozenset[str]:
    """Return the names of the definitions that a cell after this one has brought last, or taken away."""
    names = [step.name for step in steps if not step.exercise]
    later_cells = set(names[names.index(cell.name) + 1 :])
    return frozenset(name for name, cell_name in record.cells.items() if cell_name in later_cells)
