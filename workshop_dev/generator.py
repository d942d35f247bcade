"""Generate the modules of the service and the first and last texts of notebooks; see `outdated` for the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from workshop_dev import registry_check
from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document, write_atomically
from workshop_kit.workspace import registry, steps, summary
from workshop_kit.workspace.course import MY_SERVICE, Course, load_course
from workshop_kit.workspace.notebook import notebook_bytes

STEP = "Correct that and run `./workshop build` again."

APP = "workshop_app"
"""The folder of the stack's service: the participants' modules as they are after all lessons."""
OF_SERVICE = (".py", ".sql")
NOT_OF_SERVICE = ("restoring.py", "test_config.py")
CHECKPOINT = "exercises/03_logging/checkpoint.py"
"""The one file of an exercise that is a module of another image."""


def build(root: Path) -> list[Path]:
    """Write modules and texts of the checkout ``root``; return the changed files, relative to ``root``.

    Raises WorkshopError, before it writes, for a problem in the registry or a notebook.
    """
    changes = outdated(root)
    for path, content in changes.items():
        write_atomically(root / path, content)
    return sorted(changes)


def outdated(root: Path) -> dict[Path, bytes]:
    """Return the files that `build` would change, with the content they should have.

    The service's modules are made by the lessons' file cells and the exercises' solutions. The notebooks get their
    first and last text from the tables beside them.
    """
    registry_check.require_sound(root)
    contents = _modules(root) | _notebooks(root)
    return {Path(name): content for name, content in contents.items() if _content_of(root / name) != content}


def _content_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _modules(root: Path) -> dict[str, bytes]:
    """Return the modules of the stack's service and of the collector, by their names in the checkout."""
    modules: dict[str, bytes] = {}
    for path, file in steps.grown_files(steps.load(root)).items():
        name = PurePosixPath(path).name
        if path == CHECKPOINT:
            modules[f"images/collector/{name}"] = _with_note(file.text, name)
        elif path.startswith(f"{MY_SERVICE}/") and name.endswith(OF_SERVICE) and name not in NOT_OF_SERVICE:
            modules[f"{APP}/{name}"] = _with_note(file.text, name)
    return modules


def _with_note(text: str, name: str) -> bytes:
    comment = "--" if name.endswith(".sql") else "#"
    note = f"{comment} Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.\n"
    return (note + text).encode()


def _notebooks(root: Path) -> dict[str, bytes]:
    """Return the content of every notebook, by its name in the checkout. Raises WorkshopError."""
    exercises = registry.load(root)
    course = load_course(root)
    contents: dict[str, bytes] = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        own_exercises = [exercise for exercise in exercises if exercise.page == path.stem]
        required_ids = [cell for exercise in own_exercises for cell in exercise.cells]
        texts = _summary_texts(root, course, path.stem)
        contents[f"notebooks/{path.name}"] = _notebook(path, required_ids, texts)
    return contents


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


def _notebook(path: Path, required_ids: Sequence[str], texts: Mapping[str, str]) -> bytes:
    """Return a notebook whose cells have these ``texts`` (by id). Raises WorkshopError if it lacks a required cell."""
    name = f"notebooks/{path.name}"
    try:
        notebook: dict[str, Any] = read_document(path)
        cells_by_id = {cell["id"]: cell for cell in notebook["cells"]}
    except (LookupError, TypeError) as error:
        raise WorkshopError(f"{name} is no notebook.", STEP) from error
    for identifier in required_ids:
        if identifier not in cells_by_id:
            raise WorkshopError(f"{name} has no cell with the id {identifier}.", STEP)

    for identifier, cell in cells_by_id.items():
        old_text = "".join(cell["source"])
        new_text = texts.get(identifier, old_text)
        if new_text != old_text:
            cell["source"] = new_text.splitlines(keepends=True)
    return notebook_bytes(notebook)
