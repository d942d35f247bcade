"""Generate starters in ``exercises/``, modules of the service and cells of notebooks from ``solutions/``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import registry
from workshop_kit.exercises.registry import Exercise
from workshop_kit.workspace.course import FILE, MY_SERVICE
from workshop_kit.workspace.file_cell import MAGIC, file_named
from workshop_kit.workspace.files import explain, is_hidden, read_text, write_atomically
from workshop_kit.workspace.regions import MarkerError, plain, region_of, starter
from workshop_kit.workspace.solutions import NOTEBOOK, Source, marked_sources

Notebook = dict[str, Any]

MODULES = {
    "solutions/02_configuration/app.py": "workshop_app",
    "solutions/02_configuration/config.py": "workshop_app",
    "solutions/03_logging/logs.py": "workshop_app",
    "solutions/04_monitoring/health.py": "workshop_app",
    "solutions/04_monitoring/metrics.py": "workshop_app",
    "solutions/03_logging/checkpoint.py": "images/collector",
}
"""The sources whose solutions are also modules of the stack, with the folders of these modules."""


@dataclass
class Plan:
    """The wanted content of generated files, by their name in the checkout, and problems (sentences)."""

    wanted: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sources:
    """The input of a lesson's notebook: the cell ids that are ``needed``, starters of ``cells`` and of ``files``."""

    needed: Sequence[str]
    cells: Mapping[str, str]
    files: Mapping[str, str]


def build(root: Path) -> list[Path]:
    """Write exercises, modules and starter cells of the checkout ``root``; return the changed files.

    The paths are relative to ``root``. A file in ``exercises/`` without a source is moved to ``build/stray``.
    Raises WorkshopError, before it writes, for a problem in the registry, a marker or a notebook.
    """
    plan = _plan(root, registry.load(root))
    if plan.problems:
        raise WorkshopError(plan.problems[0], "Mend that and run `./workshop build` again.")
    try:
        changed = [Path(name) for name in _differing(root, plan)]
        for name in changed:
            write_atomically(root / name, plan.wanted[str(name)])
        strays = [Path(name) for name in _strays(root, plan)]
        for name in strays:
            _move_away(root, name)
    except OSError as error:
        raise explain(error, root / "exercises") from error
    return sorted([*changed, *strays])


def drift(root: Path) -> list[str]:
    """Return a sentence for every generated file that `build` would change, and for every problem that stops it."""
    problems = registry.validate(root)
    if problems:
        return problems
    plan = _plan(root, registry.load(root))
    step = "run `./workshop build`"
    differing = [
        f"{name} is not what its source makes; {step}." if (root / name).exists() else f"{name} is missing; {step}."
        for name in _differing(root, plan)
    ]
    strays = [f"{name} has no source in solutions/; {step}, which moves it away." for name in _strays(root, plan)]
    return [*plan.problems, *differing, *strays]


def notebook_bytes(notebook: Notebook) -> bytes:
    """Return a notebook as it is committed: indented by one, in UTF-8, with a final newline."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _plan(root: Path, exercises: Sequence[Exercise]) -> Plan:
    plan = Plan()
    cells: dict[str, dict[str, str]] = {}
    starters: dict[str, dict[str, str]] = {}
    for source in marked_sources(root):
        try:
            text = starter(source.text)
        except MarkerError as error:
            plan.problems.append(str(error.in_file(source.name)))
            continue
        if source.file == NOTEBOOK:
            cells[source.lesson] = _cell_sources(source, text, exercises)
        else:
            plan.wanted[f"exercises/{source.lesson}/{source.file}"] = text.encode()
            starters.setdefault(source.lesson, {})[f"{MY_SERVICE}/{source.file}"] = text
        if source.name in MODULES:
            first = f"# Made by `./workshop build` from {source.name}: edit that file.\n"
            plan.wanted[f"{MODULES[source.name]}/{source.file}"] = (first + plain(source.text)).encode()
    for page, lesson in sorted({(exercise.page, exercise.lesson) for exercise in exercises}):
        needed = [cell for exercise in exercises if exercise.page == page for cell in exercise.cells]
        sources = Sources(needed, cells.get(lesson, {}), starters.get(lesson, {}))
        _plan_notebook(root, f"notebooks/{page}.ipynb", sources, plan)
    return plan


def _cell_sources(source: Source, text: str, exercises: Sequence[Exercise]) -> dict[str, str]:
    """Return the starters of a lesson's notebook exercises by cell id."""
    own = [exercise for exercise in exercises if exercise.lesson == source.lesson and exercise.file is None]
    return {exercise.cell: region_of(text, exercise.id).rstrip("\n") for exercise in own}


def _plan_notebook(root: Path, name: str, sources: Sources, plan: Plan) -> None:
    try:
        text = read_text(root / name, name)
        notebook: Notebook = json.loads(text)
        there = {cell.get("id") for cell in notebook["cells"]}
    except WorkshopError as error:
        plan.problems.append(error.what)
        return
    except (ValueError, LookupError, TypeError, AttributeError):
        plan.problems.append(f"{name} is no notebook.")
        return
    missing = [cell for cell in sources.needed if cell not in there]
    plan.problems += [f"{name} has no cell with the id {cell}; add one." for cell in missing]
    own = {cell: source for cell, source in sources.cells.items() if cell in there}
    for file, cell in _first_file_cells(notebook).items():
        if file in sources.files:
            own[cell] = f"%%{MAGIC} {file}\n{sources.files[file]}".rstrip("\n")
        else:
            plan.problems.append(f"{name}, cell {cell}: {file} has no source in solutions/; add one.")
    changed = [cell for cell in notebook["cells"] if _source(cell) != own.get(cell.get("id"), _source(cell))]
    for cell in changed:
        cell["source"] = own[cell["id"]].splitlines(keepends=True)
    if changed:
        plan.wanted[name] = notebook_bytes(notebook)


def _first_file_cells(notebook: Notebook) -> dict[str, str]:
    """Return the id of the first cell that writes each file; a later one is a change that the lesson itself makes."""
    found: dict[str, str] = {}
    for cell in notebook["cells"]:
        if file := file_named(_source(cell)):
            found.setdefault(file, cell["id"])
    return found


def _source(cell: Mapping[str, Any]) -> str:
    """Return a cell's text; notebooks have it as one string or as a list of lines."""
    return "".join(cell["source"])


def _differing(root: Path, plan: Plan) -> Iterator[str]:
    for name, content in sorted(plan.wanted.items()):
        path = root / name
        if not path.is_file() or path.read_bytes() != content:
            yield name


def _strays(root: Path, plan: Plan) -> list[str]:
    """Return the files in ``exercises/`` without a source, except hidden ones and caches."""
    found = []
    for path in sorted((root / "exercises").rglob("*")):
        name = path.relative_to(root).as_posix()
        left_out = any(is_hidden(part) or part == "__pycache__" for part in path.relative_to(root).parts)
        if path.is_file() and not left_out and name != FILE and name not in plan.wanted:
            found.append(name)
    return found


def _move_away(root: Path, name: Path) -> None:
    """Move a stray file to ``build/stray``, and remove the folder that it leaves empty."""
    target = root / "build" / "stray" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root / name, target)
    folder = (root / name).parent
    while folder != root / "exercises" and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
