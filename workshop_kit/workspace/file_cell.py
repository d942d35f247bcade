"""The cell magic ``%%file my_service/app.py``: write a file of the participant, but never over their changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from typing import Any

from IPython.core.getipython import get_ipython

from workshop_kit.errors import WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, growth, naive_copy, regions, solutions
from workshop_kit.workspace.course import MY_SERVICE, notebook_cells
from workshop_kit.workspace.folder import HIDDEN, WRITTEN, Workspace
from workshop_kit.workspace.merge import grow
from workshop_kit.workspace.naive_copy import NaiveCopy
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import TOOLS, Source

MAGIC = "file"
CHANGES = " (changes)"
"""Stands behind the name where a cell shows only what is new or changed in the file."""
FIRST_LINE = re.compile(rf"%%{MAGIC} +(\S+)({re.escape(CHANGES)})?[ \t]*\n")


def register(workspace: Workspace, lesson: str, offer: Callable[[NaiveCopy], None] | None = None) -> None:
    """Make ``%%file`` a magic of this kernel; it replaces IPython's alias of ``%%writefile``.

    ``offer`` shows a button where an answer stays in place of the colleague's lines; a headless run has none.
    """
    shell: Any = get_ipython()
    if shell is not None:

        def file(line: str, body: str) -> None:
            print(write(workspace, lesson, line, body))  # noqa: T201 - it is the cell's output
            naive = naive_copy_of(workspace, lesson, line, body)
            if naive is not None:
                print(naive.sentence)  # noqa: T201
                if offer is not None:
                    offer(naive)

        shell.register_magic_function(file, "cell", MAGIC)


def write(workspace: Workspace, lesson: str, line: str, body: str, root: Path = CHECKOUT) -> str:
    """Write what a file cell holds to the file that its first line names, and return a sentence.

    A file with a source in ``root`` grows to the stage of the cell; what the participant changed stays. Any other file
    gets the body, unless it was changed since and the cell was not. Replaced text goes to ``kept/``.
    Raises WrongUsage for a name outside of the folder, NotReady where it cannot be written.
    """
    name = _path_in(line)
    body = body.rstrip("\n") + "\n"
    cells = _cells_of(workspace, lesson, name)
    source = solutions.source_of(root, name)
    if source is None or not cells:
        return _write_own(workspace, name, body, [cell.body for cell in cells])

    stage, cell = _shipped(lesson, cells, body)
    return _grow(workspace, source, stage, cell, body)


def naive_copy_of(workspace: Workspace, lesson: str, line: str, body: str, root: Path = CHECKOUT) -> NaiveCopy | None:
    """Return the naive copy for a file cell that was run; None where no answer stands in place of its lines."""
    name = _path_in(line)
    cells = _cells_of(workspace, lesson, name)
    source = solutions.source_of(root, name)
    if source is None or not cells:
        return None

    stage, cell = _shipped(lesson, cells, body)
    return naive_copy.find(workspace, source, stage, cell.body)


def _cells_of(workspace: Workspace, lesson: str, name: str) -> list[FileCell]:
    """Return the cells of a lesson, as they were shipped, that write a file."""
    notebook = workspace.base / "notebooks" / f"{lesson}.ipynb"
    return [cell for cell in shipped_cells(notebook) if cell.path == name]


def _shipped(lesson: str, cells: list[FileCell], body: str) -> tuple[FileStage, FileCell]:
    """Return the shipped cell that ``body`` is most like, and the stage that it brings."""

    def likeness(cell: FileCell) -> float:
        return SequenceMatcher(None, cell.body, body).ratio()

    cell = max(cells, key=likeness)
    return FileStage(FileStage.parse(lesson).lesson, cells.index(cell) + 1), cell


def _grow(workspace: Workspace, source: Source, stage: FileStage, cell: FileCell, body: str) -> str:
    """Bring a file to the stage of a cell, with what the participant changed in the cell."""
    name = source.path
    mine = _text(workspace, name)
    reached = growth.stages(workspace.folder).get(name)
    is_edited = body != cell.body
    if mine is not None and reached is not None:
        if reached > stage:
            return f"{name} has these lines already, or what came of them later. It stays as it is."
        if reached == stage and not is_edited:
            return f"{name} holds these lines." if body in mine else f"{name} has these lines, and your changes."

    starter = regions.starter(source.at(stage))
    if is_edited:
        starter = growth.with_edits(starter, cell.body, body)

    before = content.remembered(workspace, name)
    base = before.decode() if before is not None else mine or ""
    if mine is None:
        mine = base
    grown = grow(base, mine, starter)
    growth.record(workspace.folder, name, stage)
    content.remember(workspace, name, starter)
    if grown.is_conflict:
        return f"{name} stays as it is: you changed lines that this cell changes, too. Put its lines in by hand."

    backup = content.Backup(workspace)
    if grown.gone:
        backup.keep(name)
    content.write(workspace, name, grown.text)
    if mine == base:
        return f"{name} is written."
    return _with_backup(f"{name} has the new lines, and your changes.", backup, name)


def _with_backup(sentence: str, backup: content.Backup, name: str) -> str:
    """Return the sentence, and where the file is as it was."""
    if backup.folder is None:
        return sentence
    return f"{sentence} Your file as it was: {backup.folder.relative_to(backup.workspace.folder)}/{name}"


def _write_own(workspace: Workspace, name: str, body: str, shipped: list[str]) -> str:
    """Write a file that no lesson makes grow, unless that would undo a change."""
    written = f"{HIDDEN}/{WRITTEN}/{name}"
    current = _text(workspace, name)
    before = _text(workspace, written)
    if current == body:
        content.write(workspace, written, body)
        return f"{name} holds these lines."

    from_cells = {*shipped, before}
    if current is not None and current not in from_cells and body in from_cells:
        return f"{name} stays as it is: it was changed, and this cell was not. Edit the cell to replace the file."

    backup = content.Backup(workspace)
    if current is not None and current not in shipped:
        backup.keep(name)
    content.write(workspace, name, body)
    content.write(workspace, written, body)
    return _with_backup(f"{name} is written.", backup, name)


def _path_in(line: str) -> str:
    """Return the path in the workspace that a cell's first line names. Raises WrongUsage for any other place."""
    name = line.strip().removesuffix(CHANGES.strip()).strip()
    if name == TOOLS:
        return f"notebooks/{TOOLS}"
    path = PurePosixPath(name)
    if path.parts[:1] != (MY_SERVICE,) or len(path.parts) < 2 or ".." in path.parts:
        example = f"%%{MAGIC} {MY_SERVICE}/app.py"
        raise WrongUsage(
            f"A file cell writes below {MY_SERVICE}/, or {TOOLS}, not {name or 'nowhere'}.", f"Begin it with {example}."
        )
    return str(path)


@dataclass(frozen=True)
class FileCell:
    """A cell that writes a file: its path in the workspace, whether it shows only changes, and the lines below."""

    path: str
    is_changes: bool
    body: str

    @classmethod
    def parse(cls, source: str) -> FileCell | None:
        """Return what a cell writes; None for any other cell.

        >>> FileCell.parse("%%file my_service/app.py\\nprint('hello')")
        FileCell(path='my_service/app.py', is_changes=False, body="print('hello')\\n")
        """
        match = FIRST_LINE.match(source)
        if match is None:
            return None
        path = f"notebooks/{TOOLS}" if match[1] == TOOLS else match[1]
        return cls(path, bool(match[2]), source.partition("\n")[2].rstrip("\n") + "\n")


def shipped_cells(notebook: Path) -> Iterator[FileCell]:
    """Yield the file cells of a notebook, in their order; none where there is no such notebook."""
    if not notebook.is_file():
        return
    for cell in notebook_cells(notebook):
        file_cell = FileCell.parse(cell["source"])
        if file_cell is not None:
            yield file_cell


def _text(workspace: Workspace, name: str) -> str | None:
    """Return the text of a file, None without one. Bytes that are no text count as a change."""
    data = content.current(workspace, name)
    if data is None:
        return None
    return data.decode(errors="replace").replace("\r\n", "\n")
