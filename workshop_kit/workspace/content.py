"""Copy lessons and exercises from the checkout into a workspace: first copy, updates, a fresh start.

``.workshop/base`` in the workspace holds the version that each copy was made from, so an update can tell the
participant's changes from the project's. Replaced files are copied to ``kept/``.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.files import explain, read_small, write_atomically
from workshop_kit.workspace.folder import LessonCopy, Workspace, lesson_copies
from workshop_kit.workspace.merge import merge

MAX_BYTES = 100_000_000
"""Of a participant's file; a notebook may hold many pictures."""


@dataclass
class Update:
    """The result of an update, as paths in the workspace. ``conflicts``: places in a file that stayed the participant's
    although the project changed them. ``aside``: the folder with changed files as they were.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    conflicts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    aside: Path | None = None

    def sentences(self) -> list[str]:
        """Return the result for people, a line each."""
        lines = [f"New: {name}" for name in self.added] + [f"Updated: {name}" for name in self.changed]
        lines += [f"Yours stays in {name}: {', '.join(what)}" for name, what in self.conflicts]
        if self.aside is not None:
            lines.append(f"As it was before: {self.aside}")
        return lines or ["Everything is up to date."]


def update(workspace: Workspace, source: Path = CHECKOUT) -> Update:
    """Bring in the changes of ``source``; the participant's edits stay, cell by cell and region by region.

    Raises NotReady when a file cannot be read or written; files that were done by then are whole.
    """
    done = Update()
    try:
        for copy in _arrived(workspace, source):
            _update_file(workspace, copy.source.read_bytes(), copy.name, done)
    except OSError as error:
        raise explain(error, workspace.folder) from error
    return done


def start_over(workspace: Workspace, copies: Iterable[LessonCopy]) -> Path | None:
    """Replace these files of the workspace by those of the checkout.

    Returns the folder in ``kept/`` with the replaced files, None when no changed file was replaced.
    """
    aside: Path | None = None
    for copy in copies:
        aside = replace_file(workspace, copy.name, copy.source.read_text(), aside)
    return aside


def replace_file(
    workspace: Workspace, name: str, text: str, aside: Path | None = None, *, base: str | None = None
) -> Path | None:
    """Write a file of the workspace and remember it as its base; copy a different one to the folder ``aside``.

    ``base`` is the text that an update later compares the file with, if not ``text``. Returns the folder, made if a
    file went there. Raises NotReady when a file cannot be read or written.
    """
    if current(workspace, name) not in (None, text.encode()):
        aside = keep_aside(workspace, name, aside)
    write(workspace, name, text)
    _remember(workspace, name, (text if base is None else base).encode())
    return aside


def bring_in(workspace: Workspace, files: Mapping[str, str]) -> tuple[list[str], Path | None]:
    """Write ``files`` (text by path in the workspace) except those that arrived before and are there, changed or not.

    Returns the paths written, and the folder in ``kept/`` with the replaced files (None if there are none).
    """
    written: list[str] = []
    aside: Path | None = None
    for name, text in files.items():
        before = workspace.base / name
        if (workspace.folder / name).exists() and before.exists() and before.read_bytes() == text.encode():
            continue
        aside = replace_file(workspace, name, text, aside)
        written.append(name)
    return written, aside


def keep_aside(workspace: Workspace, name: str, folder: Path | None = None) -> Path:
    """Copy the file ``name`` of the workspace into ``folder`` (None: a new one in ``kept/``) and return the folder.

    Raises NotReady when it cannot be copied, because the disk is full for example.
    """
    if folder is None:
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H%M%S_%f")
        folder = workspace.folder / "kept" / stamp
    copy = folder / name
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(workspace.folder / name, copy)
    except OSError as error:
        with contextlib.suppress(OSError):
            copy.unlink()  # half a copy would look like the whole file
        raise explain(error, workspace.folder) from error
    return folder


def current(workspace: Workspace, name: str) -> bytes | None:
    """Return a file of the workspace as it is, None without one. Raises NotReady if it cannot be read."""
    try:
        return read_small(workspace.folder / name, max_bytes=MAX_BYTES)
    except FileNotFoundError:
        return None


def write(workspace: Workspace, name: str, content: str | bytes) -> None:
    """Write a file of the workspace, whole or not at all. Raises NotReady when the disk is full or read-only."""
    try:
        write_atomically(workspace.folder / name, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise explain(error, workspace.folder) from error


def _arrived(workspace: Workspace, source: Path) -> Iterator[LessonCopy]:
    """Yield the copies that the workspace has or should have; service files depend on whether lesson 02 was there."""
    arrived = (workspace.base / MY_SERVICE / solutions.MARK).exists()
    later = {f"{MY_SERVICE}/{name}" for name in solutions.later_names(source)} if arrived else set()
    for copy in lesson_copies(source):
        wanted = arrived if copy.comes_later else copy.name not in later
        if wanted:
            yield copy


def _update_file(workspace: Workspace, new: bytes, name: str, done: Update) -> None:
    mine = current(workspace, name)
    if mine is None:
        write(workspace, name, new)
        _remember(workspace, name, new)
        done.added.append(name)
        return
    remembered = workspace.base / name
    before = remembered.read_bytes() if remembered.exists() else None
    merged = merge(name, before, mine, new)
    if merged.content != mine:
        if mine != before:
            done.aside = keep_aside(workspace, name, done.aside)
        done.changed.append(name)
        write(workspace, name, merged.content)
    if merged.conflicts and before != new:
        done.conflicts.append((name, merged.conflicts))
    if before != new:
        _remember(workspace, name, new)


def _remember(workspace: Workspace, name: str, content: bytes) -> None:
    write(workspace, str((workspace.base / name).relative_to(workspace.folder)), content)
