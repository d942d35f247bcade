"""Small disks, and a checkout with little in it, for the tests of the kit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Write = Callable[[str, str], None]

REGISTRY = """
[tracks]
90min = {}
full = {}

[lessons]
00_start = { title = "Start" }
01_container = { title = "The <container>", prefix = "container" }

[[exercise]]
id = "container.graceful"
title = "Leave in time & in peace"
lesson = "01_container"
file = "leaving.py"
weight = "core"
minutes = 8
debrief_minutes = 2
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
guidelines = ["Self-Containment"]
task = "Which layer holds the bytes?"
hints = ["Look at history.", "A layer never shrinks.", "It is the second."]
"""
STARTER = "import signal\n\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SOLUTION = "signal.signal(signal.SIGTERM, lambda *_: exit(0))\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    from tests import private_engine

    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    with private_engine.small_disk(tmp_path / "small disk", 64 * 1024) as disk:
        yield disk


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout with two notebooks, an exercise, and files that are not copied."""
    root = tmp_path / "check out"
    copied = ("notebooks/00_start.ipynb", "notebooks/pictures/map.svg", "exercises/01/limits.py")
    litter = ("notebooks/.ipynb_checkpoints/00_start.ipynb", "exercises/__pycache__/limits.pyc")
    answers = ("notebooks/00_start.toml", "notebooks/00_start.notes.md")
    for name in (*copied, *litter, *answers):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    return root


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
    from workshop_kit.workspace.notebook import notebook_bytes

    write("exercises/exercises.toml", REGISTRY)
    write("exercises/01_container/leaving.py", STARTER)
    write("solutions/01_container/container.graceful/leaving.py", SOLUTION)
    write("solutions/01_container/container.layer/cell.py", 'layer = "the second"\n')
    names = ("exercise-container-graceful", "panel-container-layer", "exercise-container-layer", "end")
    cells = [{"cell_type": "code", "id": name, "metadata": {}, "outputs": [], "source": "old"} for name in names]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write("notebooks/00_start.ipynb", notebook_bytes({**notebook, "cells": []}).decode())
    write("notebooks/01_container.ipynb", notebook_bytes(notebook).decode())
    write("notebooks/short_90_minutes.md", "# Ninety minutes\n\n<!-- 01_container: end -->\n")
    return tmp_path / "check out"
