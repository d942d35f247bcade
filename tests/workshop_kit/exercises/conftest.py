"""A small checkout of its own to read, build and damage, an exercise, and a running stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.exercises.small_checkout import CELLS, MARKED, REGISTRY, Write, notebook
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.progress import silent
from workshop_kit.workspace.folder import Workspace


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of the small checkout."""

    def into(name: str, text: str) -> None:
        path = tmp_path / "check out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    return into


@pytest.fixture
def checkout(tmp_path: Path, write: Write) -> Path:
    """The small checkout, complete except for the files that `generator.build` makes."""
    write("exercises/exercises.toml", REGISTRY)
    write("solutions/01_container/leaving.py", MARKED)
    write("solutions/01_container/notebook.py", CELLS)
    cells = {
        "exercise_container_graceful": 'w.exercise("container.graceful");',
        "panel_container_layer": 'task = w.exercise("container.layer")',
        "exercise_container_layer": "old",
        "end": "1\n2",
    }
    write("notebooks/01_container.ipynb", notebook(**cells))
    return tmp_path / "check out"


def no_engine() -> Stack:
    """Fail: the test needs no engine."""
    raise AssertionError("this needs no engine")


@pytest.fixture
def engineless(tmp_path: Path) -> ExerciseService:
    """A participant's exercises on a machine without an engine."""
    return ExerciseService.of(Workspace.open(tmp_path / "mine"), no_engine)


@pytest.fixture(scope="module")
def participant(stack: Stack) -> Stack:
    """The stack of the tests' workspace, up: a participant's."""
    service_trial.ensure_up(stack, silent)
    return stack
