"""Copy lessons, exercises and the book from the checkout into a workspace, and update them.

``.workshop/base`` in the workspace holds the version that each copy was made from, so an update can tell the
participant's changes from the project's. Beside that of a file which cells make, a document says which cells did.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from workshop_kit.files import MAX_NOTEBOOK_BYTES, files_below, read_small, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import history
from workshop_kit.workspace.folder import Workspace, lesson_copies
from workshop_kit.workspace.history import Backup
from workshop_kit.workspace.merge import Cell, Change, Record, merge_file

BOOK = CHECKOUT / "docs" / "book"
CONTENTS = "README.md"
BOOK_COPY = "book"
"""The folder of the book's copy in a workspace: JupyterLab serves nothing outside of it."""
CELLS = ".cells.json"
"""The end of the name of the document with the cells of a record."""


@dataclass
class Update:
    """The result of an update, as paths in the workspace.

    ``kept_notebooks`` are copies of the participant's notebooks, each beside the new one. ``replaced`` has each file
    with the participant's definitions in whose place new ones stand; ``backup`` has these files as they were before.
    """

    backup: Backup
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    kept_notebooks: list[str] = field(default_factory=list)
    replaced: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return the result for people, a line each."""
        lines = [f"New: {name}" for name in self.added]
        lines += [f"Updated: {name}" for name in self.changed]
        lines += [f"Your notebook, as you left it: {name}" for name in self.kept_notebooks]
        lines += [
            f"New in place of yours in {name}: {', '.join(names) or 'all of it'}" for name, names in self.replaced
        ]
        lines += self.backup.sentences()
        return lines or ["Everything is up to date."]


def update(workspace: Workspace, source: Path = CHECKOUT) -> Update:
    """Bring the workspace's lessons to the versions in ``source``; ``my_service/`` changes by the lessons' cells alone.

    A notebook that the participant has changed stays beside the new one. Raises NotReady when a file cannot be read or
    written; the files that were updated before stay so.
    """
    result = Update(Backup(workspace))
    for copy in lesson_copies(source):
        update_file(workspace, copy.source.read_bytes(), copy.name, result)
    return result


def update_file(workspace: Workspace, new_version: bytes, name: str, result: Update) -> None:
    """Bring one file of the workspace to ``new_version``, keep the edits in it, and note the change in ``result``.

    Raises NotReady.
    """
    mine = read_current(workspace, name)
    if mine is None:
        write(workspace, name, new_version)
        write_base(workspace, name, new_version)
        result.added.append(name)
        return

    base = read_base(workspace, name)
    if name.endswith(".ipynb"):
        _update_notebook(workspace, base, mine, new_version, name, result)
        return

    change = Change(name, new_version.decode(), is_whole=True)
    merged = merge_file(Cell(change, change), mine.decode(errors="replace"), Record(base_text(workspace, name)))
    if merged.text.encode() != mine:
        if mine != base:
            result.backup.keep(name)
        result.changed.append(name)
        write(workspace, name, merged.text)
    if merged.replaced:
        result.replaced.append((name, merged.replaced))
    write_base(workspace, name, new_version)


def _update_notebook(
    workspace: Workspace, base: bytes | None, mine: bytes, new_version: bytes, name: str, result: Update
) -> None:
    """Bring a notebook to ``new_version``; one that the participant has changed or run stays beside it, with its time.

    Raises NotReady.
    """
    if new_version == base:
        return

    if mine not in (base, new_version):
        stem = name.removesuffix(".ipynb")
        copy = f"{stem}-{history.now()}.ipynb"
        write(workspace, copy, mine)
        result.kept_notebooks.append(copy)

    if mine != new_version:
        write(workspace, name, new_version)
        result.changed.append(name)
    write_base(workspace, name, new_version)


def replace_file(
    workspace: Workspace, name: str, text: str, backup: Backup | None = None, *, record: Record | None = None
) -> None:
    """Write a file of the workspace; ``backup`` keeps a file with another text that is there.

    ``record`` is what cells have brought to it, if cells make it. Raises NotReady when a file cannot be read or
    written.
    """
    former_content = read_current(workspace, name)
    if former_content is not None and former_content != text.encode():
        (backup or Backup(workspace)).keep(name)

    write(workspace, name, text)
    write_record(workspace, name, record or Record(text))


def read_current(workspace: Workspace, name: str) -> bytes | None:
    """Return the content of a file of the workspace; None without a file. Raises NotReady."""
    try:
        return read_small(workspace.folder / name, max_bytes=MAX_NOTEBOOK_BYTES)
    except FileNotFoundError:
        return None


def current_text(workspace: Workspace, name: str) -> str | None:
    """Return the text of a file of the workspace; None without a file. Bytes that are not UTF-8 are replaced."""
    data = read_current(workspace, name)
    return None if data is None else data.decode(errors="replace")


def base_text(workspace: Workspace, name: str) -> str:
    """Return the text that a file of the workspace was made from; "" if none is known."""
    return (read_base(workspace, name) or b"").decode()


def write(workspace: Workspace, name: str, content: str | bytes) -> None:
    """Write a file of the workspace, whole or not at all. Raises NotReady."""
    data = content.encode() if isinstance(content, str) else content
    write_atomically(workspace.folder / name, data)


def read_base(workspace: Workspace, name: str) -> bytes | None:
    """Return the version that a file of the workspace was made from; None if none is known."""
    path = workspace.base / name
    return path.read_bytes() if path.exists() else None


def write_base(workspace: Workspace, name: str, content: str | bytes) -> None:
    """Note the version that a file of the workspace was made from. Raises NotReady when it cannot be written."""
    data = content.encode() if isinstance(content, str) else content
    write_atomically(workspace.base / name, data)


def read_record(workspace: Workspace, name: str) -> Record:
    """Return what cells have brought to a file of the workspace; of a damaged document only the text is known."""
    text = base_text(workspace, name)
    try:
        document = json.loads((workspace.base / f"{name}{CELLS}").read_text(encoding="utf-8"))
        return Record(text, dict(document["cells"]), dict(document["typed"]))
    except (OSError, ValueError, LookupError, TypeError):
        return Record(text)


def write_record(workspace: Workspace, name: str, record: Record) -> None:
    """Note what cells have brought to a file of the workspace. Raises NotReady when it cannot be written."""
    write_base(workspace, name, record.text)
    if record.cells or record.typed:
        document = {"cells": dict(record.cells), "typed": dict(record.typed)}
        write_base(workspace, f"{name}{CELLS}", json.dumps(document, indent=1))
    else:
        (workspace.base / f"{name}{CELLS}").unlink(missing_ok=True)


def remove_record(workspace: Workspace, name: str) -> None:
    """Forget what cells have brought to a file of the workspace."""
    for path in (name, f"{name}{CELLS}"):
        (workspace.base / path).unlink(missing_ok=True)


def copy_book(workspace: Workspace, source: Path = BOOK) -> None:
    """Replace the workspace's copy of the book. Raises NotReady when it cannot be written."""
    for file in files_below(source):
        write_atomically(workspace.folder / BOOK_COPY / file.relative_to(source), file.read_bytes())


def book_page(lesson: str, source: Path = BOOK) -> str:
    """Return the path of a lesson's chapter in the workspace; for 00_start and without a chapter, of the contents."""
    chapter = f"{lesson}.md"
    has_chapter = lesson != "00_start" and (source / chapter).is_file()
    return f"{BOOK_COPY}/{chapter if has_chapter else CONTENTS}"
