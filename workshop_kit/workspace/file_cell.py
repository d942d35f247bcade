"""The cell magic ``%%file my_service/app.py``: bring definitions to a file of the participant, and show what changed.

A cell shows its file whole, or under ``%%file my_service/app.py (changes)`` the definitions that are new or changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from typing import Any

from IPython.core.getipython import get_ipython

from workshop_kit.display.diff_card import Written
from workshop_kit.errors import WrongUsage, in_words
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, growth, history, steps
from workshop_kit.workspace.course import MY_SERVICE, SHORT
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.growth import Change, Grown
from workshop_kit.workspace.history import Backup
from workshop_kit.workspace.steps import CHANGES, TOOLS, Step, path_of

MAGIC = "file"


def register(workspace: Workspace, lesson: str, show: Callable[[Written], None]) -> None:
    """Make ``%%file`` a magic of this kernel, whose result ``show`` shows; it replaces IPython's of that name."""
    shell: Any = get_ipython()
    if shell is not None:

        def file(line: str, body: str) -> None:
            show(write(workspace, lesson, line, body))

        shell.register_magic_function(file, "cell", MAGIC)


def write(workspace: Workspace, lesson: str, line: str, body: str, root: Path = CHECKOUT) -> Written:
    """Bring the definitions in the ``body`` of a file cell to the file that its first ``line`` names.

    What the participant wrote stays, unless the lesson has a new text of the same definition: that one comes, and the
    sentence names it, and says how to see the file as it was. Both are in the git history of ``my_service/``. A file
    that was deleted comes back as the lessons have brought it so far.
    Raises WrongUsage for a name outside of the folder, Unreadable for a text that is no file of its kind, and NotReady
    where it cannot be written.
    """
    path = _path_in(line)
    text = body.rstrip("\n") + "\n"
    return bring(workspace, lesson, Change(path, text, is_whole=CHANGES.strip() not in line), root)


def bring(workspace: Workspace, lesson: str, typed: Change, root: Path = CHECKOUT) -> Written:
    """Bring what a cell of ``lesson`` shows, perhaps edited, to the file that it names; see `write`."""
    path = typed.path
    text = typed.text
    course = steps.load(root)
    cells = [cell for cell in steps.cells_of(course, path) if lesson in (cell.lesson, SHORT)]
    nearest = max(cells, key=lambda cell: _likeness(cell.changes[0], typed), default=Step(lesson, "", (typed,)))
    shipped_change = nearest.changes[0]
    edited = text if text != shipped_change.text else None

    mine = content.current_text(workspace, path)
    shipped = content.base_text(workspace, path)
    grown = growth.grow(
        shipped_change,
        mine,
        shipped,
        edited=edited,
        older=steps.older_names(course, nearest.lesson, shipped_change, shipped),
    )
    content.write_base(workspace, path, grown.shipped)
    diff = () if grown.text == text and mine is None else _diff(mine or "", grown.text)  # the cell shows a new file
    if grown.text == mine:
        return Written(" ".join([f"{path} stays as it is.", *_left(grown)]))
    with history.recorded(workspace, f"lesson {lesson}: {PurePosixPath(path).name}") as backup:
        return Written(_save(path, mine, grown, backup), tuple(diff))


def _likeness(change: Change, other: Change) -> float:
    """Return how much alike the texts of two changes are, from 0 to 1."""
    return SequenceMatcher(None, change.text, other.text).ratio()


def _save(path: str, mine: str | None, grown: Grown, backup: Backup) -> str:
    """Write a file, keep what of the participant's it replaces, and return what was done."""
    sentences = [f"{path} is written." if mine is None else f"{path} has the new lines.", *_left(grown)]
    if grown.replaced:
        sentences.append(f"This cell's lines replace yours in {_words(grown.replaced)}.")
        sentences.append(f"Your file as it was: {backup.keep(path)}")
    content.write(backup.workspace, path, grown.text)
    if backup.commit.note:
        sentences.insert(1, backup.commit.note)
    return " ".join(sentences)


def _left(grown: Grown) -> list[str]:
    """Return a sentence with what a cell left as the participant has it."""
    return [f"Left as you changed it: {_words(grown.kept)}."] if grown.kept else []


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
