"""Generate starters in ``exercises/``, modules of the service and cells of notebooks from ``solutions/``."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.files import files_below, write_atomically
from workshop_kit.trials.findings import FOLDER
from workshop_kit.workspace import growth, registry, summary
from workshop_kit.workspace.course import FILE, Course, load_course
from workshop_kit.workspace.file_cell import FileCell
from workshop_kit.workspace.merge import notebook_bytes
from workshop_kit.workspace.regions import FINISHED, FileStage, MarkerError, plain, region_of, starter
from workshop_kit.workspace.solutions import LAST, NOTEBOOK, TOOLS, Source, marked_sources, service_sources

STEP = "Correct that and run `./workshop build` again."

APP = "workshop_app"
"""The folder of the stack's service, which is made of the participants' modules as they are after all lessons."""
OF_SERVICE = (".py", ".sql")
NOT_OF_SERVICE = (TOOLS, "restoring.py", "test_config.py")
CHECKPOINT = "solutions/03_logging/checkpoint.py"
"""The one source whose solution is a module of another image."""


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

    present = (path.relative_to(root) for path in files_below(root / "exercises"))
    by_hand = {Path(FILE), *(path.relative_to(root) for path in files_below(root / FOLDER))}
    generated = [path for path in present if path not in by_hand]
    return changes | {path: None for path in generated if path.as_posix() not in wanted}


def _wanted(root: Path) -> dict[str, bytes]:
    """Return the content of every generated file, by its name in the checkout. Raises WorkshopError."""
    exercises = registry.load(root)
    of_service = {source.name: source for source in service_sources(root)}
    wanted: dict[str, bytes] = {}
    own_cells: dict[str, str] = {}  # the starters of exercises that are done in a notebook, by cell id
    for source in marked_sources(root):
        text = _starter(source)
        if source.file == NOTEBOOK:
            of_lesson = [exercise for exercise in exercises if exercise.lesson == source.lesson]
            in_notebook = [exercise for exercise in of_lesson if exercise.file is None]
            own_cells |= {exercise.cell: region_of(text, exercise.id).rstrip("\n") for exercise in in_notebook}
        else:
            wanted[f"exercises/{source.lesson}/{source.file}"] = text.encode()
        if source.name == CHECKPOINT:
            wanted[f"images/collector/{source.file}"] = _module(source, "#")
        elif source.name in of_service and source.file.endswith(OF_SERVICE) and source.file not in NOT_OF_SERVICE:
            wanted[f"{APP}/{source.file}"] = _module(source, "--" if source.file.endswith(".sql") else "#")

    by_path = {source.path: source for source in of_service.values()}
    course = load_course(root)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        on_page = [exercise for exercise in exercises if exercise.page == path.stem]
        needed = [cell for exercise in on_page for cell in exercise.cells]
        texts = own_cells | _texts(root, course, path.stem)
        wanted[f"notebooks/{path.name}"] = _filled(path, needed, texts, by_path)
    return wanted


def _texts(root: Path, course: Course, lesson: str) -> dict[str, str]:
    """Return the first and the last text of a lesson by the ids of their cells, with all lines of its summary."""
    lines = summary.load(root, lesson)
    if lines is None:
        return {}
    kept = course.kept(lesson, "full")
    return {summary.HEAD: lines.head(kept, course.minutes(lesson, "full")), summary.END: lines.end(kept)}


def _starter(source: Source) -> str:
    """Return what `exercises/` has of a source: the starter as the source's own lesson leaves it."""
    try:
        return starter(source.at(FileStage(FileStage.parse(source.lesson).lesson, LAST)))
    except MarkerError as error:
        raise error if error.what.startswith(source.name) else error.in_file(source.name) from error


def _module(source: Source, comment: str) -> bytes:
    """Return the finished file without markers, for an image of the stack."""
    first = f"{comment} Made by `./workshop build` from {source.name}: edit that file.\n"
    return (first + plain(source.at(FINISHED))).encode()


def _filled(path: Path, needed: Sequence[str], own_cells: Mapping[str, str], sources: Mapping[str, Source]) -> bytes:
    """Return a notebook whose cells have the texts of ``own_cells`` (by id), and whose file cells have their stages.

    The second cell for a file in the notebook ``02_…`` has the stage 02:2 of the file.
    """
    name = f"notebooks/{path.name}"
    try:
        notebook: dict[str, Any] = json.loads(path.read_bytes())
        cells = {cell["id"]: cell for cell in notebook["cells"]}
    except (ValueError, LookupError, TypeError) as error:
        raise WorkshopError(f"{name} is no notebook.", STEP) from error
    for identifier in needed:
        if identifier not in cells:
            raise WorkshopError(f"{name} has no cell with the id {identifier}.", STEP)
    written: Counter[str] = Counter()
    for identifier, cell in cells.items():
        before = "".join(cell["source"])
        new = own_cells.get(identifier, before)
        if file_cell := FileCell.parse(before):
            if file_cell.path not in sources:
                raise WorkshopError(f"{name}, cell {identifier}: {file_cell.path} has no source in solutions/.", STEP)
            written[file_cell.path] += 1
            stage = FileStage(FileStage.parse(path.stem).lesson, written[file_cell.path])
            body = growth.shown(sources[file_cell.path], stage, changes=file_cell.is_changes)
            first_line = before.partition("\n")[0]
            new = f"{first_line}\n{body}".rstrip("\n")
        if new != before:
            cell["source"] = new.splitlines(keepends=True)
    return notebook_bytes(notebook)
