"""A small checkout of its own to read, build and damage, with two lessons and two exercises; and a running stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.reporting import silent
from workshop_kit.trials import service_trial
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import notebook_bytes

Write = Callable[[str, str], None]

REGISTRY = """
[tracks]
90min = { minutes = 30, exercises = 2 }
full = { minutes = 90 }

[lessons]
00_start = { title = "Start", minutes = { 90min = 10, full = 30 } }
01_container = { title = "The <container>", prefix = "container", minutes = { 90min = 20, full = 60 } }

[[exercise]]
id = "container.graceful"
title = "Leave in time & in peace"
lesson = "01_container"
file = "leaving.py"
weight = "core"
minutes = 8
debrief_minutes = 2
tracks = ["90min", "full"]
guidelines = ["factor 7, Disposability", "Lifecycle Conformance"]
task = '''Let it end by itself.
Ten seconds are all it has.'''
hints = ["It does not listen.", "SIGTERM is a signal.", "Use signal.signal."]

[[exercise]]
id = "container.layer"
title = "Find the layer"
lesson = "01_container"
weight = "core"
minutes = 5
debrief_minutes = 0
tracks = ["full"]
guidelines = ["Self-Containment"]
task = "Which layer holds the bytes?"
hints = ["Look at history.", "A layer never shrinks.", "It is the second."]
"""
MARKED = """import signal

# region container.graceful
#: only the solution
signal.signal(signal.SIGTERM, lambda *_: exit(0))
#: only the starter
#| signal.signal(signal.SIGTERM, signal.SIG_IGN)
#: both
# endregion container.graceful
"""
CELLS = """task = object()
# region container.layer
#: only the solution
layer = "the second"
layer
#: only the starter
#| layer = "the biggest: ü"
#| layer
#: both

# endregion container.layer
"""


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
    names = ("exercise-container-graceful", "panel-container-layer", "exercise-container-layer", "end")
    cells = [{"cell_type": "code", "id": name, "metadata": {}, "outputs": [], "source": "old"} for name in names]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write("notebooks/01_container.ipynb", notebook_bytes(notebook).decode())
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


@pytest.fixture
def quick_control() -> Iterator[None]:
    """What a check waited for in vain is the answer's fault, however slow this machine is."""
    with check_runner.quick_control():
        yield
