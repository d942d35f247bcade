"""The cell magic ``%%file my_service/app.py``: bring definitions to a file of the participant, and show what changed.

A cell shows its file whole, or under ``%%file my_service/app.py (changes)`` the definitions that are new or changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from IPython.core.getipython import get_ipython

from workshop_kit.display.diff_card import Written
from workshop_kit.errors import WrongUsage
from workshop_kit.names import in_words
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, history, steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.history import Backup
from workshop_kit.workspace.merge import OWN, Cell, Change, Merged, merge_file
from workshop_kit.workspace.steps import CHANGES, TOOLS, path_of

MAGIC = "file"


def register(workspace: Workspace, lesson: str, show: Callable[[Written], None]) -> None:
    """Make ``%%file`` a magic of this kernel, whose result ``show`` shows; it replaces IPython's of that name."""
    shell: Any = get_ipython()
    if shell is not None:

        def file(line: str, body: str) -> None:
            show(write(workspace, lesson, line, body, cell=running_cell(shell)))

        shell.register_magic_function(file, "cell", MAGIC)


def running_cell(shell: Any) -> str:
    """Return the id of the cell that runs; "" for an editor that does not send it."""
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return str(message.get("metadata", {}).get("cellId", ""))


def write(workspace: Workspace, lesson: str, line: str, body: str, root: Path = CHECKOUT, *, cell: str = "") -> Written:
    """Bring the definitions in the ``body`` of a file cell to the file that its first ``line`` names.

    ``cell`` is the cell's id in the notebook ``lesson``, if it is known. What the participant wrote stays, unless the
    lesson has a new text of the same definition: that one comes, and the sentence names it, and says how to see the
    file as it was. Both are in the git history of ``my_service/``. A file that was deleted comes back as the lessons
    have brought it so far.
    Raises WrongUsage for a name outside of the folder, Unreadable for a text that is no file of its kind, and NotReady
    where it cannot be written.
    """
    path = _path_in(line)
    text = body.rstrip("\n") + "\n"
    return bring(workspace, lesson, Change(path, text, is_whole=CHANGES.strip() not in line), root, cell=cell)


def bring(workspace: Workspace, lesson: str, typed: Change, root: Path = CHECKOUT, *, cell: str = "") -> Written:
    """Bring what a file cell has to the file that it names; see `write`."""
    course = steps.load(root)
    known = steps.find_cell(course, lesson, cell, typed)
    record = content.read_record(workspace, typed.path)
    mine = content.current_text(workspace, typed.path)
    merged = merge_file(
        Cell(typed, known.changes[0] if known else None, known.name if known else OWN),
        mine,
        record,
        steps.later_names(course, known, record) if known else frozenset(),
    )

    if merged.text == mine:
        written = Written(" ".join([f"{typed.path} stays as it is.", *_left(merged)]))
    else:
        is_shown = merged.text == typed.text and mine is None  # the cell shows a new file
        diff = () if is_shown else _diff(mine or "", merged.text)
        with history.recorded(workspace, f"lesson {lesson}: {PurePosixPath(typed.path).name}") as backup:
            written = Written(_save(typed.path, mine, merged, backup), tuple(diff))
    content.write_record(workspace, typed.path, merged.record)
    return written


def _save(path: str, mine: str | None, merged: Merged, backup: Backup) -> str:
    """Write a file, keep what of the participant's it replaces, and return what was done."""
    sentences = [f"{path} is written." if mine is None else f"{path} has the new lines.", *_left(merged)]
    if merged.replaced:
        sentences.append(f"This cell's lines replace yours in {_words(merged.replaced)}.")
        sentences.append(f"Your file as it was: {backup.keep(path)}")
    content.write(backup.workspace, path, merged.text)
    if backup.commit.note:
        sentences.insert(1, backup.commit.note)
    return " ".join(sentences)


def _left(merged: Merged) -> list[str]:
    """Return a sentence with what a cell left as the participant has it, and one with what it left deleted."""
    sentences = []
    if merged.changed:
        sentences.append(f"Left as you changed it: {_words(merged.changed)}.")
    if merged.deleted:
        sentences.append(f"Left out, as you deleted it: {_words(_outermost(merged.deleted))}.")
    return sentences


def _outermost(names: Sequence[str]) -> list[str]:
    """Return the names without the members of classes that are among them."""
    return [name for name in names if name.rpartition(".")[0] not in names]


def _words(names: Sequence[str]) -> str:
    return in_words([name or "all of it" for name in names])


def _diff(before: str, after: str) -> list[str]:
    """Return the lines of a unified diff, without its two lines of file names."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), n=2)
    return list(lines)[2:]


def _path_in(line: str) -> str:
    """Return the path in the workspace that a cell's first line names.

    Raises WrongUsage for a place where a file cell must not write.
    """
    name = line.strip().removesuffix(CHANGES.strip()).strip()
    path = PurePosixPath(path_of(name))
    is_allowed = name == TOOLS or (path.parts[:1] == (MY_SERVICE,) and len(path.parts) > 1 and ".." not in path.parts)
    if not is_allowed:
        example = f"%%{MAGIC} {MY_SERVICE}/app.py"
        raise WrongUsage(
            f"A file cell writes below {MY_SERVICE}/, or {TOOLS}, not {name or 'nowhere'}.", f"Begin it with {example}."
        )
    return str(path)
