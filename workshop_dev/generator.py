"""Generate starters in ``exercises/``, modules of the service and cells of notebooks from ``solutions/``."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workshop_dev import registry_check
from workshop_kit.errors import WorkshopError
from workshop_kit.files import files_below, read_document, write_atomically
from workshop_kit.workspace import registry, summary
from workshop_kit.workspace.course import FILE, Course, load_course
from workshop_kit.workspace.file_cell import FileCell, cell_text_at
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
    contents = _contents(root)
    changes: dict[Path, bytes | None] = {}
    for name, content in contents.items():
        file = root / name
        if not file.is_file() or file.read_bytes() != content:
            changes[Path(name)] = content

    for path in _generated_exercises(root):
        if path.as_posix() not in contents:
            changes[path] = None
    return changes


def _generated_exercises(root: Path) -> list[Path]:
    """Return the files in ``exercises/``, without the registry, which is written by hand."""
    paths = [path.relative_to(root) for path in files_below(root / "exercises")]
    return [path for path in paths if path != Path(FILE)]


def _contents(root: Path) -> dict[str, bytes]:
    """Return the content of every generated file, by its name in the checkout. Raises WorkshopError."""
    registry_check.require_sound(root)
    exercises = registry.load(root)
    sources_of_service = list(service_sources(root))
    names_of_service = {source.name for source in sources_of_service}
    contents: dict[str, bytes] = {}
    starters_by_cell: dict[str, str] = {}

    for source in marked_sources(root):
        text = _starter_text(source)
        if source.file == NOTEBOOK:
            exercises_of_lesson = [exercise for exercise in exercises if exercise.lesson == source.lesson]
            starters_by_cell |= _starters_by_cell(text, exercises_of_lesson)
        else:
            contents[f"exercises/{source.lesson}/{source.file}"] = text.encode()

        module = _module_name(source, is_of_service=source.name in names_of_service)
        if module is not None:
            contents[module] = _module_content(source)

    return contents | _notebook_contents(root, exercises, starters_by_cell, sources_of_service)


def _notebook_contents(
    root: Path,
    exercises: Sequence[registry.Exercise],
    starters_by_cell: Mapping[str, str],
    sources_of_service: Sequence[Source],
) -> dict[str, bytes]:
    """Return the content of every notebook, by its name in the checkout. Raises WorkshopError."""
    sources_by_path = {source.path: source for source in sources_of_service}
    course = load_course(root)
    contents: dict[str, bytes] = {}

    for path in sorted((root / "notebooks").glob("*.ipynb")):
        exercises_of_page = [exercise for exercise in exercises if exercise.page == path.stem]
        required_ids = [cell for exercise in exercises_of_page for cell in exercise.cells]
        texts = {**starters_by_cell, **_summary_texts(root, course, path.stem)}
        contents[f"notebooks/{path.name}"] = _notebook_content(path, required_ids, texts, sources_by_path)

    return contents


def _starters_by_cell(text: str, exercises: Sequence[registry.Exercise]) -> dict[str, str]:
    """Return the starters of the exercises that are solved in a notebook, by cell id; ``text`` has their regions."""
    in_notebook = [exercise for exercise in exercises if exercise.file is None]
    return {exercise.cell: region_of(text, exercise.id).rstrip("\n") for exercise in in_notebook}


def _module_name(source: Source, *, is_of_service: bool) -> str | None:
    """Return the name of the module that is made from a source for an image of the stack; None if there is none."""
    if source.name == CHECKPOINT:
        return f"images/collector/{source.file}"
    if is_of_service and source.file.endswith(OF_SERVICE) and source.file not in NOT_OF_SERVICE:
        return f"{APP}/{source.file}"
    return None


def _summary_texts(root: Path, course: Course, lesson: str) -> dict[str, str]:
    """Return the first and the last text of a lesson, as on the track ``full``, by the ids of their cells.

    Both are made from the lesson's summary; empty without one.
    """
    lines = summary.load(root, lesson)
    if lines is None:
        return {}

    cells = course.kept_cells(lesson, "full")
    minutes = course.minutes(lesson, "full")
    return {summary.HEAD: lines.head(cells, minutes), summary.END: lines.end(cells)}


def _starter_text(source: Source) -> str:
    """Return the starter of a source for ``exercises/``: its last stage in its own lesson.

    Raises MarkerError with the name of the source.
    """
    try:
        stage = FileStage(FileStage.parse(source.lesson).lesson, LAST)
        return starter(source.at(stage))
    except MarkerError as error:
        if error.what.startswith(source.name):
            raise
        raise error.in_file(source.name) from error


def _module_content(source: Source) -> bytes:
    """Return the finished file without markers, for an image of the stack."""
    comment = "--" if source.file.endswith(".sql") else "#"
    first_line = f"{comment} Made by `./workshop build` from {source.name}: edit that file.\n"
    text = first_line + plain(source.at(FINISHED))
    return text.encode()


def _notebook_content(
    path: Path, required_ids: Sequence[str], texts: Mapping[str, str], sources: Mapping[str, Source]
) -> bytes:
    """Return a notebook whose cells have these ``texts`` (by id), and whose file cells have their stages.

    ``sources`` are those of the files, by path. The second cell for a file in the notebook ``02_…`` has the stage 02:2
    of the file. Raises WorkshopError for an invalid notebook, a missing cell, and a file without a source.
    """
    name = f"notebooks/{path.name}"
    try:
        notebook: dict[str, Any] = read_document(path)
        cells_by_id = {cell["id"]: cell for cell in notebook["cells"]}
    except (LookupError, TypeError) as error:
        raise WorkshopError(f"{name} is no notebook.", STEP) from error
    for identifier in required_ids:
        if identifier not in cells_by_id:
            raise WorkshopError(f"{name} has no cell with the id {identifier}.", STEP)

    lesson = FileStage.parse(path.stem).lesson
    stage_numbers: Counter[str] = Counter()
    for identifier, cell in cells_by_id.items():
        old_text = "".join(cell["source"])
        new_text = texts.get(identifier, old_text)
        file_cell = FileCell.parse(old_text)
        if file_cell:
            if file_cell.path not in sources:
                raise WorkshopError(f"{name}, cell {identifier}: {file_cell.path} has no source in solutions/.", STEP)
            stage_numbers[file_cell.path] += 1
            stage = FileStage(lesson, stage_numbers[file_cell.path])
            new_text = _file_cell_text(old_text, file_cell, sources[file_cell.path], stage)
        if new_text != old_text:
            cell["source"] = new_text.splitlines(keepends=True)

    return notebook_bytes(notebook)


def _file_cell_text(old_text: str, file_cell: FileCell, source: Source, stage: FileStage) -> str:
    """Return the text of a file cell: its first line, then the stage of the file, or the changes of that stage."""
    first_line, _, _ = old_text.partition("\n")
    body = cell_text_at(source, stage, changes=file_cell.is_changes)
    return f"{first_line}\n{body}".rstrip("\n")
