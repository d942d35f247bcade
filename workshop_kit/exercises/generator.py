"""Generate starters in ``exercises/``, modules of the service and cells of notebooks from ``solutions/``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import registry
from workshop_kit.exercises.findings import FOLDER
from workshop_kit.exercises.registry import Exercise
from workshop_kit.files import files_below, write_atomically
from workshop_kit.workspace.course import FILE, MY_SERVICE
from workshop_kit.workspace.file_cell import MAGIC, file_named
from workshop_kit.workspace.merge import notebook_bytes
from workshop_kit.workspace.regions import MarkerError, plain, region_of, starter
from workshop_kit.workspace.solutions import NOTEBOOK, marked_sources

STEP = "Correct that and run `./workshop build` again."

MODULES = {
    "solutions/02_configuration/app.py": "workshop_app",
    "solutions/02_configuration/config.py": "workshop_app",
    "solutions/03_logging/logs.py": "workshop_app",
    "solutions/04_monitoring/health.py": "workshop_app",
    "solutions/04_monitoring/metrics.py": "workshop_app",
    "solutions/03_logging/checkpoint.py": "images/collector",
}
"""The sources whose solutions are also modules of the stack, with the folders of these modules."""


def build(root: Path) -> list[Path]:
    """Write exercises, modules and starter cells of the checkout ``root``; return the changed files.

    The paths are relative to ``root``. A file in ``exercises/`` without a source is moved to ``build/stray``.
    Raises WorkshopError, before it writes, for a problem in the registry, a marker or a notebook.
    """
    changes = outdated(root)
    for path, content in changes.items():
        if content is not None:
            write_atomically(root / path, content)
            continue
        target = root / "build" / "stray" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / path, target)
    return sorted(changes)


def outdated(root: Path) -> dict[Path, bytes | None]:
    """Return the files that `build` would change, with the content they should have; None for one without a source."""
    wanted = _wanted(root)
    changes: dict[Path, bytes | None] = {}
    for name, content in wanted.items():
        if not (root / name).is_file() or (root / name).read_bytes() != content:
            changes[Path(name)] = content
    there = (path.relative_to(root) for path in files_below(root / "exercises"))
    by_hand = {Path(FILE), *(path.relative_to(root) for path in files_below(root / FOLDER))}
    return changes | {path: None for path in there if path not in by_hand and path.as_posix() not in wanted}


def _wanted(root: Path) -> dict[str, bytes]:
    """Return the content of every generated file, by its name in the checkout. Raises WorkshopError."""
    exercises = registry.load(root)
    wanted: dict[str, bytes] = {}
    sources: dict[str, dict[str, str]] = {}  # of cells, by lesson, and then by cell id or file
    for source in marked_sources(root):
        try:
            text = starter(source.text)
        except MarkerError as error:
            raise error.in_file(source.name) from error
        of_lesson = sources.setdefault(source.lesson, {})
        if source.file == NOTEBOOK:
            own = [one for one in exercises if one.lesson == source.lesson and one.file is None]
            of_lesson |= {one.cell: region_of(text, one.id).rstrip("\n") for one in own}
        else:
            wanted[f"exercises/{source.lesson}/{source.file}"] = text.encode()
            name = f"{MY_SERVICE}/{source.file}"
            of_lesson[name] = f"%%{MAGIC} {name}\n{text}".rstrip("\n")
        if source.name in MODULES:
            first = f"# Made by `./workshop build` from {source.name}: edit that file.\n"
            wanted[f"{MODULES[source.name]}/{source.file}"] = (first + plain(source.text)).encode()
    for page, lesson in sorted({(exercise.page, exercise.lesson) for exercise in exercises}):
        own = [exercise for exercise in exercises if exercise.page == page]
        wanted[f"notebooks/{page}.ipynb"] = _filled(root, f"notebooks/{page}.ipynb", own, sources.get(lesson, {}))
    return wanted


def _filled(root: Path, name: str, exercises: Sequence[Exercise], sources: Mapping[str, str]) -> bytes:
    """Return a notebook with the ``sources`` in its cells: by cell id, or in the first cell that writes a file."""
    try:
        notebook: dict[str, Any] = json.loads((root / name).read_bytes())
        cells = {cell["id"]: cell for cell in notebook["cells"]}
    except (ValueError, LookupError, TypeError) as error:
        raise WorkshopError(f"{name} is no notebook.", STEP) from error
    for needed in (cell for exercise in exercises for cell in exercise.cells):
        if needed not in cells:
            raise WorkshopError(f"{name} has no cell with the id {needed}.", STEP)
    written: set[str] = set()  # a later cell for the same file is a change that the lesson itself makes
    for identifier, cell in cells.items():
        before = "".join(cell["source"])
        file = file_named(before)
        if file and file not in sources:
            raise WorkshopError(f"{name}, cell {identifier}: {file} has no source in solutions/.", STEP)
        new = sources.get(identifier, before) if file is None or file in written else sources[file]
        written |= {file} if file else set()
        if new != before:
            cell["source"] = new.splitlines(keepends=True)
    return notebook_bytes(notebook)
