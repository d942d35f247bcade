"""The files of docs/adding-a-lesson.md make an exercise: its starter fails and its solution passes."""

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
from workshop_kit.trials.check_api import CHECKS, Context
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import regions, registry
from workshop_kit.workspace.merge import notebook_bytes

ID = "monitoring.probe"
LESSON = "04_monitoring"
FILE = "alive.py"
blocks = partial(code_blocks, CHECKOUT / "docs" / "adding-a-lesson.md")


@pytest.fixture
def followed(root: Path, tmp_path: Path) -> Path:
    """A copy of the exercises with steps 1, 2 and 4 done."""
    for folder in ("exercises", "solutions", "notebooks", "workshop_app", "images/collector"):
        shutil.copytree(root / folder, tmp_path / folder)
    (tmp_path / "solutions" / LESSON / FILE).write_text(blocks("python")[0])
    entries = tmp_path / "exercises" / "exercises.toml"
    entries.write_text(f"{entries.read_text()}\n{blocks('toml')[0]}")
    path = tmp_path / "notebooks" / f"{LESSON}.ipynb"
    lesson = json.loads(path.read_text())
    lesson["cells"].append(json.loads(blocks("json")[0].rstrip().rstrip(",")))
    path.write_bytes(notebook_bytes(lesson))
    return tmp_path


@pytest.fixture
def checked() -> Iterator[None]:
    """Step 3 done: the document's check is registered."""
    program = compile(blocks("python")[1], "monitoring_probe.py", "exec", dont_inherit=True)
    exec(program, {"__name__": "monitoring_probe"})
    yield
    del CHECKS[ID]


def test_the_files_fit_together(followed: Path) -> None:
    """Registry and source have no problem; a build adds only the exercise's file, and the module of the service."""
    assert generator.build(followed) == [Path("exercises") / LESSON / FILE, Path("workshop_app") / FILE]
    assert generator.build(followed) == []


@pytest.mark.engine
@pytest.mark.usefixtures("checked")
def test_both_sides_hold(followed: Path, participant: Stack) -> None:
    """On real containers: its starter fails with a symptom, and its solution passes."""
    exercise = registry.find(registry.load(followed), ID)
    marked = (followed / "solutions" / LESSON / FILE).read_text()
    judged = []
    for text in (regions.starter(marked), regions.solved(marked)):
        with check_runner.solved_folder({FILE: text}, followed) as folder:
            judged.append(CHECKS[ID](Context(exercise, participant, 1, folder=folder)))
    begun, solved = judged
    assert begun.verdict is Verdict.WRONG
    assert begun.summary == "The service was gone, and its probe said that all was well."
    assert solved.verdict is Verdict.PASSED
