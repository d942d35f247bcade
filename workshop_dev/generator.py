"""Generate the modules of the service and the notebook of ninety minutes; see `outdated` for the sources."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from workshop_dev import exercise_list_check, short_notebook
from workshop_kit.errors import WorkshopError
from workshop_kit.files import write_atomically
from workshop_kit.workspace import exercise_list, steps
from workshop_kit.workspace.course import MY_SERVICE, SHORT, notebook_cells

STEP = "Correct that and run `./workshop build` again."

APP = "workshop_app"
"""The folder of the stack's service: the participants' modules as they are after all lessons."""
OF_SERVICE = (".py", ".sql")
NOT_OF_SERVICE = ("restoring.py", "test_config.py")
CHECKPOINT = "exercises/03_logging/checkpoint.py"
"""The one file of an exercise that is a module of another image."""


def build(root: Path) -> list[Path]:
    """Write modules and the short notebook of the checkout ``root``; return the changed files, relative to ``root``.

    Raises WorkshopError, before it writes, for a problem in the list of exercises or a notebook.
    """
    changes = outdated(root)
    for path, content in changes.items():
        write_atomically(root / path, content)
    return sorted(changes)


def outdated(root: Path) -> dict[Path, bytes]:
    """Return the files that `build` would change, with the content they should have.

    The service's modules are made by the lessons' file cells and the exercises' solutions, the short notebook by cells
    of the lessons and texts of its own.
    """
    exercise_list_check.require_sound(root)
    _require_cells(root)
    contents = _modules(root) | {f"notebooks/{SHORT}.ipynb": short_notebook.make(root)}
    return {Path(name): content for name, content in contents.items() if _content_of(root / name) != content}


def _content_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _modules(root: Path) -> dict[str, bytes]:
    """Return the modules of the stack's service and of the collector, by their names in the checkout."""
    modules: dict[str, bytes] = {}
    for path, file in steps.files_after(steps.load(root)).items():
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


def _require_cells(root: Path) -> None:
    """Raise WorkshopError unless each exercise has its cells in its notebook."""
    for exercise in exercise_list.load(root):
        name = f"notebooks/{exercise.page}.ipynb"
        try:
            ids = {cell["id"] for cell in notebook_cells(root / name)}
        except (LookupError, TypeError) as error:
            raise WorkshopError(f"{name} is no notebook.", STEP) from error
        for identifier in exercise.cells:
            if identifier not in ids:
                raise WorkshopError(f"{name} has no cell with the id {identifier}.", STEP)
