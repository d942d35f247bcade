"""Exercises, modules and cells are generated from the marked sources, and every difference is a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.workshop_kit.exercises.small_checkout import CELLS, MARKED, Write, notebook
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.generator import build, outdated
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.regions import starter

EXERCISE = "exercises/01_container/leaving.py"
NOTEBOOK = "notebooks/01_container.ipynb"
OTHER_CELLS = dict.fromkeys(("exercise_container_graceful", "panel_container_layer", "exercise_container_layer"), "")


def test_what_is_committed_is_what_build_makes() -> None:
    """Registry and sources fit together; exercises and cells of this checkout come from solutions/ as it is."""
    assert outdated(CHECKOUT) == {}


def test_build_makes_files_and_cells(checkout: Path) -> None:
    """The starter goes into the exercise's file, and into the notebook's cell; a second build changes nothing."""
    before = json.loads((checkout / NOTEBOOK).read_text())
    assert build(checkout) == [Path(EXERCISE), Path(NOTEBOOK)]
    assert (checkout / EXERCISE).read_text() == starter(MARKED)
    after = json.loads((checkout / NOTEBOOK).read_text())
    assert after["cells"][2]["source"] == ['layer = "the biggest: ü"\n', "layer"]
    after["cells"][2]["source"] = before["cells"][2]["source"]
    assert after == before
    assert "ü" in (checkout / NOTEBOOK).read_text()  # readable, not escaped
    assert build(checkout) == []


def test_build_fills_the_first_file_cell(checkout: Path, write: Write) -> None:
    """A file cell has the starter of its source; a second cell for the file is a change of the lesson's own."""
    first, second = (f"%%file my_service/leaving.py\n{text}" for text in ("old", "later"))
    write(NOTEBOOK, notebook(**OTHER_CELLS, write_leaving=first, write_again=second))
    assert Path(NOTEBOOK) in build(checkout)
    cells = json.loads((checkout / NOTEBOOK).read_text())["cells"]
    assert "".join(cells[-2]["source"]) == f"%%file my_service/leaving.py\n{starter(MARKED)}".rstrip()
    assert "".join(cells[-1]["source"]) == second


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (notebook(exercise_container_graceful=""), "has no cell with the id panel-container-layer."),
        (
            notebook(**OTHER_CELLS, write_own="%%file my_service/own.py\nx = 1"),
            "cell write-own: my_service/own.py has no source in solutions/.",
        ),
        ("{", "is no notebook."),
    ],
)
def test_a_notebook_that_cannot_be_filled_is_a_sentence(checkout: Path, write: Write, text: str, problem: str) -> None:
    """A cell is missing, a cell writes a file without a source, the notebook is damaged."""
    write(NOTEBOOK, text)
    with pytest.raises(WorkshopError, match=f"^{NOTEBOOK},? {re.escape(problem)}"):
        build(checkout)


def test_build_moves_strays_away(checkout: Path, write: Write) -> None:
    """A file without a source is moved to build/stray."""
    build(checkout)
    write("exercises/00_start/own.py", "mine = 1\n")
    write("exercises/.hidden/cache", "")
    assert build(checkout) == [Path("exercises/00_start/own.py")]
    assert (checkout / "build/stray/exercises/00_start/own.py").read_text() == "mine = 1\n"
    assert build(checkout) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("solutions/01_container/leaving.py", MARKED.replace("#: both", "#: all")),
        ("solutions/01_container/notebook.py", CELLS.replace("container.layer", "container.layers")),
    ],
)
def test_build_writes_all_or_nothing(checkout: Path, write: Write, name: str, text: str) -> None:
    """A damaged marker, an unknown id: one sentence, and no file was made."""
    write(name, text)
    with pytest.raises(WorkshopError, match=r"\.$"):
        build(checkout)
    assert not (checkout / EXERCISE).exists()
