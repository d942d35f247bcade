"""The files of docs/adding-a-lesson.md make an exercise: its naive file fails and its solution passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import code_blocks
from tests.workshop_kit.exercises import check_runner
from workshop_dev import generator
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.check_table import CHECKS
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import exercise_list, steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.notebook import notebook_bytes

ID = "monitoring.probe"
LESSON = "04_monitoring"
FILE = "alive.py"
blocks = partial(code_blocks, CHECKOUT / "docs" / "adding-a-lesson.md")


@pytest.fixture
def followed(root: Path, tmp_path: Path) -> Path:
    """A copy of the exercises with steps 1, 2 and 4 done."""
    for folder in ("exercises", "solutions", "notebooks", "workshop_app", "images/collector"):
        shutil.copytree(root / folder, tmp_path / folder)
    file_cell, solution, *_ = blocks("python")
    solved = tmp_path / "solutions" / LESSON / ID / FILE
    solved.parent.mkdir()
    solved.write_text(solution)
    entries = tmp_path / "exercises" / "exercises.toml"
    entries.write_text(f"{entries.read_text()}\n{blocks('toml')[0]}")
    path = tmp_path / "notebooks" / f"{LESSON}.ipynb"
    lesson = json.loads(path.read_text())
    cell = json.loads(blocks("json")[0].rstrip().rstrip(","))
    lesson["cells"] += [cell | {"id": "write-alive", "source": [file_cell]}, cell]
    path.write_bytes(notebook_bytes(lesson))
    return tmp_path


@pytest.fixture
def checked() -> Iterator[None]:
    """Step 3 done: the document's check is registered."""
    program = compile(blocks("python")[2], "monitoring_probe.py", "exec", dont_inherit=True)
    exec(program, {"__name__": "monitoring_probe"})
    yield
    del CHECKS[ID]


def test_the_files_fit_together(followed: Path) -> None:
    """Registry and solution have no problem; a build adds only the module of the service."""
    assert generator.build(followed) == [Path("workshop_app") / FILE]
    assert generator.build(followed) == []


@pytest.mark.engine
@pytest.mark.usefixtures("checked")
def test_both_sides_hold(followed: Path, participant: Stack) -> None:
    """On real containers: its naive file fails with a symptom, and its solution passes."""
    begun, solved = (judged(followed, participant, solves=solves) for solves in (False, True))
    assert begun.verdict is Verdict.WRONG
    assert begun.summary == "The service was gone, and its probe said that all was well."
    assert solved.verdict is Verdict.PASSED


def judged(root: Path, stack: Stack, *, solves: bool) -> Result:
    """The result of the document's check, beside all other solutions."""
    exercise = exercise_list.find(exercise_list.load(root), ID)
    files = steps.files_after(steps.load(root), lambda name: solves or name != ID)
    with check_runner.folder_with({path: file.text for path, file in files.items()}) as folder:
        return CHECKS[ID](Context(exercise, stack, 1, folder=folder / MY_SERVICE))
