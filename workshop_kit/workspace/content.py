"""Copy lessons and exercises from the checkout into a workspace: updates, a fresh start, and backups in ``kept/``.

``.workshop/base`` in the workspace holds the version that each copy was made from, so an update can tell the
participant's changes from the project's.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePath

from workshop_kit.files import explain, read_small, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import growth, regions, solutions, track_notebook
from workshop_kit.workspace.course import Course, Section, load_course
from workshop_kit.workspace.folder import ELSEWHERE, Workspace, lesson_copies
from workshop_kit.workspace.merge import merge
from workshop_kit.workspace.track_notebook import NOTE, LessonOnTrack

INSTRUCTOR = "instructor"
"""The folder of a workspace with the instructor's notebooks: the lessons with notes."""
MAX_BYTES = 100_000_000
"""Of a participant's file; a notebook may hold many pictures."""


@dataclass
class Backup:
    """Copies of replaced files, in one folder in ``kept/``. ``folder`` is None while nothing was copied."""

    workspace: Workspace
    folder: Path | None = None

    def keep(self, name: str) -> str:
        """Copy the file ``name`` of the workspace, and return the path of the copy in it.

        Raises NotReady when that fails, for a full disk say.
        """
        if self.folder is None:
            stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H%M%S_%f")
            self.folder = self.workspace.folder / "kept" / stamp

        copy = self.folder / name
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.workspace.folder / name, copy)
        except OSError as error:
            with contextlib.suppress(OSError):
                copy.unlink()  # half a copy would look like the whole file
            raise explain(error, self.workspace.folder, ELSEWHERE) from error

        return copy.relative_to(self.workspace.folder).as_posix()


@dataclass
class Update:
    """The result of an update, as paths in the workspace. ``conflicts``: places in a file that stayed the participant's
    although the project changed them. ``backup`` has the changed files as they were.
    """

    backup: Backup
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    conflicts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return the result for people, a line each."""
        lines = [f"New: {name}" for name in self.added] + [f"Updated: {name}" for name in self.changed]
        lines += [f"Your version stays in {name}: {', '.join(what)}" for name, what in self.conflicts]
        if self.backup.folder:
            lines.append(f"As it was before: {self.backup.folder}")
        return lines or ["Everything is up to date."]


def update(workspace: Workspace, source: Path = CHECKOUT) -> Update:
    """Bring in the changes of ``source``; the participant's edits stay, cell by cell and region by region.

    Raises NotReady when a file cannot be read or written; files that were done by then are whole.
    """
    result = Update(Backup(workspace))
    for copy in lesson_copies(source):
        update_file(workspace, copy.source.read_bytes(), copy.name, result)

    stages = growth.stages(workspace.folder)
    for file in solutions.service_sources(source):
        if file.path in stages:
            starter = regions.starter(file.at(stages[file.path]))
            update_file(workspace, starter.encode(), file.path, result)
    return result


def update_file(workspace: Workspace, new_version: bytes, name: str, result: Update) -> None:
    """Bring one file of the workspace to ``new_version``, note that in ``result``; edits stay. Raises NotReady."""
    mine = current(workspace, name)
    if mine is None:
        write(workspace, name, new_version)
        remember(workspace, name, new_version)
        result.added.append(name)
        return

    before = remembered(workspace, name)
    merged, conflicts = merge(name, before, mine, new_version)
    if merged != mine:
        if mine != before:
            result.backup.keep(name)
        result.changed.append(name)
        write(workspace, name, merged)

    if before != new_version:
        if conflicts:
            result.conflicts.append((name, conflicts))
        remember(workspace, name, new_version)


def replace_file(
    workspace: Workspace, name: str, text: str, backup: Backup | None = None, *, base: str | None = None
) -> None:
    """Write a file of the workspace and remember it as its base; a different one that was there goes to ``backup``.

    ``base`` is the text that an update later compares the file with, if not ``text``. Raises NotReady when a file
    cannot be read or written.
    """
    if current(workspace, name) not in (None, text.encode()):
        (backup or Backup(workspace)).keep(name)
    write(workspace, name, text)
    remember(workspace, name, text if base is None else base)


def current(workspace: Workspace, name: str) -> bytes | None:
    """Return a file of the workspace, None without one; a notebook with nothing folded. Raises NotReady."""
    try:
        data = read_small(workspace.folder / name, max_bytes=MAX_BYTES)
    except FileNotFoundError:
        return None
    return track_notebook.unfold(data) if name.endswith(".ipynb") else data


def write(workspace: Workspace, name: str, content: str | bytes) -> None:
    """Write a file of the workspace, whole or not at all; a notebook as its track has it. Raises NotReady."""
    data = content.encode() if isinstance(content, str) else content
    if name.endswith(".ipynb"):
        data = _on_track(workspace, name, data, load_course(CHECKOUT))
    write_atomically(workspace.folder / name, data)


def follow_track(workspace: Workspace) -> list[str]:
    """Fold what the workspace's track skips in each notebook, and nothing else; return the changed notebooks."""
    changed_names = []
    course = load_course(CHECKOUT)
    names = [f"{folder}/{lesson}.ipynb" for folder in ("notebooks", INSTRUCTOR) for lesson in course.sections]
    for name in names:
        with contextlib.suppress(FileNotFoundError, ValueError):  # deleted, or damaged
            before = read_small(workspace.folder / name, max_bytes=MAX_BYTES)
            after = _on_track(workspace, name, before, course)
            if after != before and json.loads(after) != json.loads(before):
                write_atomically(workspace.folder / name, after)
                changed_names.append(name)

    return changed_names


def _on_track(workspace: Workspace, name: str, notebook: bytes, course: Course) -> bytes:
    """Return a notebook of a lesson as the workspace's track has it, and any other one as it is."""
    path = PurePath(name)
    if path.stem not in course.sections:
        return notebook

    part = track_notebook.on_track(CHECKOUT, course, path.stem, workspace.track)
    if path.parts[0] == INSTRUCTOR:
        part = _with_notes(part)
    return track_notebook.fold(notebook, part)


def _with_notes(part: LessonOnTrack) -> LessonOnTrack:
    """Return what a track has of an instructor's notebook: each of its cells may have a note before it."""
    sections: list[Section] = []
    for section in part.sections:
        notes = [f"{NOTE}{cell}" for cell in section.cells]
        sections.append(replace(section, cells=(*section.cells, *notes)))

    kept_cells = part.kept | {f"{NOTE}{cell}" for cell in part.kept}
    return replace(part, sections=sections, kept=kept_cells)


def remembered(workspace: Workspace, name: str) -> bytes | None:
    """Return the version that a file of the workspace was made from; None if none is known."""
    path = workspace.base / name
    return path.read_bytes() if path.exists() else None


def remember(workspace: Workspace, name: str, content: str | bytes) -> None:
    """Note the version that a file of the workspace was made from. Raises NotReady when it cannot be written."""
    write_atomically(workspace.base / name, content.encode() if isinstance(content, str) else content)
