"""The cell magic ``%%file my_service/app.py``: write a file of the participant, but never over their changes.

A cell shows its file whole, or under ``%%file my_service/app.py (changes)`` the top-level statements that are new or
changed.
"""

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
from workshop_kit.workspace import content, naive_copy, regions, solutions
from workshop_kit.workspace.course import MY_SERVICE, notebook_cells
from workshop_kit.workspace.folder import HIDDEN, WRITTEN, Workspace
from workshop_kit.workspace.merge import grow
from workshop_kit.workspace.naive_copy import NaiveCopy
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import TOOLS, Source

MAGIC = "file"
CHANGES = " (changes)"
"""The word after the file's name in a cell that shows only the statements that are new or changed."""
GAP = "# …\n"
"""Stands in a cell between two statements that do not follow each other in the file."""
STATEMENT = re.compile(r"[^\s)\]}]")
"""Matches the beginning of a line that begins a statement or a comment: no space, no closing bracket."""
FIRST_LINE = re.compile(rf"%%{MAGIC} +(\S+)({re.escape(CHANGES)})?[ \t]*\n")


def register(workspace: Workspace, lesson: str, offer: Callable[[NaiveCopy], None] | None = None) -> None:
    """Make ``%%file`` a magic of this kernel; it replaces IPython's alias of ``%%writefile``.

    ``offer`` shows a button for a naive copy, where the file has answers in place of the colleague's lines; a headless
    run has no ``offer``.
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
    """Write the ``body`` of a file cell to the file that its first ``line`` names, and return a sentence.

    A file with a source in ``root`` grows to the stage of the cell; what the participant changed stays. Any other file
    gets the body, unless it was changed since and the cell was not. Replaced text goes to ``kept/``.
    Raises WrongUsage for a name outside of the folder, NotReady where it cannot be written.
    """
    name = _path_in(line)
    text = body.rstrip("\n") + "\n"
    cells = _cells_of(workspace, lesson, name)
    source = solutions.source_of(root, name)
    if source is None or not cells:
        return _write_whole(workspace, name, text, [cell.body for cell in cells])

    stage, cell = _shipped_cell(lesson, cells, text)
    return _grow(workspace, source, stage, cell, text)


def naive_copy_of(workspace: Workspace, lesson: str, line: str, body: str) -> NaiveCopy | None:
    """Return the naive copy for a file cell that was run; None if no exercise that the cell shows is answered."""
    name = _path_in(line)
    cells = _cells_of(workspace, lesson, name)
    source = solutions.source_of(CHECKOUT, name)
    if source is None or not cells:
        return None

    stage, cell = _shipped_cell(lesson, cells, body)
    return naive_copy.find(workspace, source, stage, cell.body)


def _cells_of(workspace: Workspace, lesson: str, name: str) -> list[FileCell]:
    """Return the cells of a lesson, as they were shipped, that write the file ``name``."""
    notebook = workspace.base / "notebooks" / f"{lesson}.ipynb"
    return [cell for cell in shipped_cells(notebook) if cell.path == name]


def _shipped_cell(lesson: str, cells: list[FileCell], body: str) -> tuple[FileStage, FileCell]:
    """Return the stage to which a run cell brings its file, and the cell as it was shipped.

    That is the one of ``cells``, the lesson's cells for the file, that is most like ``body``.
    """

    def similarity(cell: FileCell) -> float:
        return SequenceMatcher(None, cell.body, body).ratio()

    cell = max(cells, key=similarity)
    lesson_number = FileStage.parse(lesson).lesson
    return FileStage(lesson_number, cells.index(cell) + 1), cell


def _grow(workspace: Workspace, source: Source, stage: FileStage, cell: FileCell, body: str) -> str:
    """Bring a file to the stage of a shipped cell, with the changes in its edited ``body``; return a sentence."""
    name = source.path
    mine = _read_text(workspace, name)
    file_stage = solutions.stages_in(workspace.folder).get(name)
    is_edited = body != cell.body
    if mine is not None and file_stage is not None:
        if file_stage > stage:
            return f"{name} has these lines already, or what came of them later. It stays as it is."
        if file_stage == stage and not is_edited:
            return f"{name} holds these lines." if body in mine else f"{name} has these lines, and your changes."

    new_version = regions.starter(source.at(stage))
    if is_edited:
        new_version = with_edits(new_version, cell.body, body)
    return _merge_into_file(workspace, name, mine, new_version, stage)


def _merge_into_file(workspace: Workspace, name: str, mine: str | None, new_version: str, stage: FileStage) -> str:
    """Write a file's new version, with what the participant changed in ``mine``; return a sentence."""
    remembered_base = content.read_base(workspace, name)
    base = mine or ""
    if remembered_base is not None:
        base = remembered_base.decode()
    if mine is None:
        mine = base

    grown = grow(base, mine, new_version)
    solutions.record_stage(workspace.folder, name, stage)
    content.write_base(workspace, name, new_version)
    if grown.is_conflict:
        return f"{name} stays as it is: you changed lines that this cell changes, too. Put its lines in by hand."

    backup = content.Backup(workspace)
    if grown.lost_regions:
        backup.keep(name)
    content.write(workspace, name, grown.text)
    if mine == base:
        return f"{name} is written."
    return _with_backup(f"{name} has the new lines, and your changes.", backup, name)


def _with_backup(sentence: str, backup: content.Backup, name: str) -> str:
    """Return the sentence, followed by the path of the file's copy if ``backup`` has one."""
    if backup.folder is None:
        return sentence

    folder = backup.folder.relative_to(backup.workspace.folder)
    return f"{sentence} Your file as it was: {folder}/{name}"


def _write_whole(workspace: Workspace, name: str, body: str, shipped_bodies: list[str]) -> str:
    """Write a file without a marked source, unless that would undo the participant's change; return a sentence."""
    last_written = f"{HIDDEN}/{WRITTEN}/{name}"
    mine = _read_text(workspace, name)
    texts_of_cells = {*shipped_bodies, _read_text(workspace, last_written)}
    if mine == body:
        content.write(workspace, last_written, body)
        return f"{name} holds these lines."

    is_file_changed = mine is not None and mine not in texts_of_cells
    is_cell_changed = body not in texts_of_cells
    if is_file_changed and not is_cell_changed:
        return f"{name} stays as it is: it was changed, and this cell was not. Edit the cell to replace the file."

    backup = content.Backup(workspace)
    if mine is not None and mine not in shipped_bodies:
        backup.keep(name)
    content.write(workspace, name, body)
    content.write(workspace, last_written, body)
    return _with_backup(f"{name} is written.", backup, name)


def _path_in(line: str) -> str:
    """Return the path in the workspace that a cell's first line names.

    Raises WrongUsage for a place where a file cell must not write.
    """
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
        """Return the file cell with this ``source``; None if a cell writes no file.

        >>> FileCell.parse("%%file my_service/app.py\\nprint('hello')")
        FileCell(path='my_service/app.py', is_changes=False, body="print('hello')\\n")
        """
        match = FIRST_LINE.match(source)
        if match is None:
            return None

        name, changes = match.groups()
        path = f"notebooks/{TOOLS}" if name == TOOLS else name
        _, _, body = source.partition("\n")
        return cls(path, changes is not None, body.rstrip("\n") + "\n")


def shipped_cells(notebook: Path) -> Iterator[FileCell]:
    """Yield the file cells of a notebook, in their order; none where there is no such notebook."""
    if not notebook.is_file():
        return
    for cell in notebook_cells(notebook):
        file_cell = FileCell.parse(cell["source"])
        if file_cell is not None:
            yield file_cell


def _read_text(workspace: Workspace, name: str) -> str | None:
    """Return the text of a file with line feeds, None without a file. Bytes that are not UTF-8 are replaced."""
    data = content.read_current(workspace, name)
    if data is None:
        return None
    return data.decode(errors="replace").replace("\r\n", "\n")


def cell_text_at(source: Source, stage: FileStage, *, changes: bool) -> str:
    """Return what a file cell shows of a stage: the whole starter, or with ``changes`` only its new statements."""
    text = regions.starter(source.at(stage))
    if not changes:
        return text

    earlier_stages = [earlier_stage for earlier_stage in source.stages if earlier_stage < stage]
    if not earlier_stages:
        return changed_statements("", text)
    text_before = regions.starter(source.at(earlier_stages[-1]))
    return changed_statements(text_before, text)


def changed_statements(before: str, after: str) -> str:
    """Return the top-level statements of ``after`` that ``before`` lacks, with `GAP` where others are left out."""
    known_statements = {statement.strip() for statement in statements(before)}
    groups: list[str] = []  # of new statements that follow each other in the file
    follows_new_statement = False
    for statement in statements(after):
        is_new = statement.strip() not in known_statements
        if is_new and follows_new_statement:
            groups[-1] += statement
        elif is_new:
            groups.append(statement)
        follows_new_statement = is_new

    return GAP.join(f"{group.rstrip()}\n" for group in groups)


def statements(text: str) -> Iterator[str]:
    """Yield the top-level statements of a file, each with the comments and decorators before it."""
    statement = ""
    has_only_prefix = False  # whether the statement so far is only its comments and decorators
    for line in regions.lines_of(text):
        if STATEMENT.match(line):
            if statement.strip() and not has_only_prefix:
                yield statement
                statement = ""
            is_prefix = line.startswith(("#", "@"))
            has_only_prefix = is_prefix and not regions.REGION.fullmatch(line)
        statement += line

    if statement.strip():
        yield statement


def with_edits(text: str, cell: str, edited: str) -> str:
    """Return the ``text`` of a file with a participant's edits of a cell that shows all or parts of it.

    ``cell`` is the cell as it was shipped, ``edited`` as the participant ran it. Raises WrongUsage if a gap between
    two parts is missing.
    """
    if GAP not in cell and cell.strip() == text.strip():
        return edited

    parts = cell.split(GAP)
    edited_parts = edited.split(GAP)
    if len(parts) != len(edited_parts):
        raise WrongUsage("The cell shows parts of the file.", f"Put its lines `{GAP.strip()}` back.")

    edited_text = text
    for part, edited_part in zip(parts, edited_parts, strict=True):
        edited_text = _replace_lines(edited_text, part.rstrip(), edited_part.rstrip())
    return edited_text


def _replace_lines(text: str, lines: str, new_lines: str) -> str:
    """Return ``text`` with ``new_lines`` for the first occurrence of ``lines``, which are whole lines of it."""
    match = re.search(rf"^{re.escape(lines)}$", text, re.MULTILINE)
    if match is None:
        return text
    return text[: match.start()] + new_lines + text[match.end() :]
