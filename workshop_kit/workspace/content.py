"""Lessons and exercises on their way from the checkout into a workspace: first copy, updates, a fresh start.

Beside each copy the workspace remembers what it was made from (``.workshop/base``): so an update can tell what the
participant changed from what the project changed. What is replaced is kept aside, in ``kept/`` for all to see.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workshop_kit.workspace import service_files
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.files import explain, write_atomically
from workshop_kit.workspace.merge import merge
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import LessonCopy, Workspace, lesson_copies


@dataclass
class Update:
    """What an update did, as paths in the workspace. ``kept`` adds what stayed the participant's in a changed file."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    kept: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    aside: Path | None = None  # where changed files are kept as they were

    def sentences(self) -> list[str]:
        """The same for people, a line each."""
        lines = [f"New: {name}" for name in self.added] + [f"Updated: {name}" for name in self.changed]
        lines += [f"Yours stays in {name}: {', '.join(what)}" for name, what in self.kept]
        if self.aside is not None:
            lines.append(f"As it was before: {self.aside}")
        return lines or ["Everything is up to date."]


def update(workspace: Workspace, source: Path = CHECKOUT) -> Update:
    """Bring in what changed in ``source``; what the participant edited stays, cell by cell and region by region.

    Raises NotReady when a file cannot be read or written; files that were done by then are whole.
    """
    done = Update()
    try:
        for copy in _arrived(workspace, source):
            _update_file(workspace, copy.source, copy.name, done)
    except OSError as error:
        raise explain(error, workspace.folder) from error
    return done


def start_over(workspace: Workspace, copies: Iterable[LessonCopy]) -> Path | None:
    """Make these files of the workspace what the checkout has.

    Returns the folder that keeps what the participant had there, None when nothing of theirs was replaced.
    """
    aside: Path | None = None
    for copy in copies:
        aside = replace_file(workspace, copy.name, copy.source.read_text(), aside)
    return aside


def replace_file(
    workspace: Workspace, name: str, text: str, aside: Path | None = None, *, base: str | None = None
) -> Path | None:
    """Write a file as it comes with the workshop; another that stands there goes into the folder ``aside``.

    ``base`` is what an update later holds the file against, if not ``text``. Returns the folder, made if something
    went there. Raises NotReady when a file cannot be written.
    """
    path, content = workspace.folder / name, text.encode()
    try:
        if path.exists() and path.read_bytes() != content:
            aside = keep_aside(workspace, name, aside)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        _remember(workspace, name, content if base is None else base.encode())
    except OSError as error:
        raise explain(error, workspace.folder) from error
    return aside


def bring_in(workspace: Workspace, files: Mapping[str, str]) -> tuple[list[str], Path | None]:
    """Write ``files`` (text by path in the workspace), but none that came before and is there, changed or not.

    Returns the paths written, and the folder that keeps what stood in their place (None if nothing did).
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
    """Copy the file ``name`` of the workspace into ``folder`` (None: a new one in ``kept/``) and return the folder."""
    if folder is None:
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H%M%S_%f")
        folder = workspace.folder / "kept" / stamp
    copy = folder / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(workspace.folder / name, copy)
    return folder


def write(workspace: Workspace, name: str, text: str) -> None:
    """Write a file of the workspace, whole or not at all. Raises NotReady when the disk is full or read-only."""
    path = workspace.folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise explain(error, path) from error


def _arrived(workspace: Workspace, source: Path) -> Iterator[LessonCopy]:
    """Yield the copies that the workspace has or should have; those of the service, by what arrived in lesson 02."""
    arrived = (workspace.base / MY_SERVICE / service_files.MARK).exists()
    later = {f"{MY_SERVICE}/{name}" for name in service_files.later_names(source)} if arrived else set()
    for copy in lesson_copies(source):
        wanted = arrived if copy.comes_later else copy.name not in later
        if wanted:
            yield copy


def _update_file(workspace: Workspace, file: Path, name: str, done: Update) -> None:
    new, mine = file.read_bytes(), workspace.folder / name
    if not mine.exists():
        _write_new(workspace, name, new)
        done.added.append(name)
        return
    remembered = workspace.base / name
    before, current = remembered.read_bytes() if remembered.exists() else None, mine.read_bytes()
    merged = merge(name, before, current, new)
    if merged.content != current:
        if current != before:
            done.aside = keep_aside(workspace, name, done.aside)
        done.changed.append(name)
        write_atomically(mine, merged.content)
    if merged.kept and before != new:
        done.kept.append((name, merged.kept))
    if before != new:
        _remember(workspace, name, new)


def _write_new(workspace: Workspace, name: str, content: bytes) -> None:
    path = workspace.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    _remember(workspace, name, content)


def _remember(workspace: Workspace, name: str, content: bytes) -> None:
    path = workspace.base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
