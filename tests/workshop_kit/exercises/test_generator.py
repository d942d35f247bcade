"""From the marked sources to what participants get: built, built again, and every difference said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workshop_kit.exercises.small_checkout import CELLS, MARKED, REGISTRY, Write, code_cell, notebook
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.generator import build, drift, written
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.regions import starter

EXERCISE = "exercises/01_container/leaving.py"
NOTEBOOK = "notebooks/01_container.ipynb"
OTHER_CELLS = tuple(
    code_cell(name, "") for name in ("exercise-container-graceful", "panel-container-layer", "exercise-container-layer")
)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_committed_is_what_build_makes() -> None:
    """No drift: exercises and starter cells in this checkout come from solutions/ as it is."""
    assert drift(CHECKOUT) == []


def test_build_makes_files_and_cells(checkout: Path) -> None:
    """The starter goes into the exercise's file, and into the notebook's cell; nothing else of the notebook changes."""
    before = json.loads((checkout / NOTEBOOK).read_text())
    assert build(checkout) == [Path(EXERCISE), Path(NOTEBOOK)]
    assert (checkout / EXERCISE).read_text() == starter(MARKED)
    after = json.loads((checkout / NOTEBOOK).read_text())
    assert after["cells"][2]["source"] == ['layer = "the biggest: ü"\n', "layer"]
    after["cells"][2]["source"] = before["cells"][2]["source"]
    assert after == before
    assert "ü" in (checkout / NOTEBOOK).read_text()  # readable, not escaped


def test_build_fills_file_cells(checkout: Path, write: Write) -> None:
    """A cell that writes a file says what its source says to a participant; its first line names the file."""
    write(NOTEBOOK, notebook(*OTHER_CELLS, code_cell("write-leaving", "%%file my_service/leaving.py\nold")))
    assert Path(NOTEBOOK) in build(checkout)
    cell = json.loads((checkout / NOTEBOOK).read_text())["cells"][-1]
    assert "".join(cell["source"]) == f"%%file my_service/leaving.py\n{starter(MARKED)}".rstrip()
    assert drift(checkout) == []


def test_build_twice_changes_nothing(checkout: Path) -> None:
    """After a build there is no drift, and a second build touches no file."""
    build(checkout)
    seen = {path: path.stat().st_mtime_ns for path in checkout.rglob("*")}
    assert drift(checkout) == []
    assert build(checkout) == []
    assert {path: path.stat().st_mtime_ns for path in checkout.rglob("*")} == seen


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (EXERCISE, starter(MARKED) + "# edited", f"{EXERCISE} is not what its source makes; run `./workshop build`."),
        (EXERCISE, None, f"{EXERCISE} is missing; run `./workshop build`."),
        ("exercises/01_container/own.py", "x = 1\n", "exercises/01_container/own.py has no source in solutions/"),
        (NOTEBOOK, notebook(code_cell("exercise-container-layer", "x = 1")), f"{NOTEBOOK} is not what its source"),
        (
            NOTEBOOK,
            notebook(code_cell("exercise-container-layer", "x")),
            f"{NOTEBOOK} has no cell with the id exercise-",
        ),
        (
            NOTEBOOK,
            notebook(*OTHER_CELLS, code_cell("write-own", "%%file my_service/own.py\nx = 1")),
            f"{NOTEBOOK}, cell write-own: my_service/own.py has no source in solutions/; add one.",
        ),
        (NOTEBOOK, "{", f"{NOTEBOOK} is no notebook any more."),
        (
            "solutions/01_container/leaving.py",
            MARKED.replace("#: both", "#: all"),
            "solutions/01_container/leaving.py, line 8",
        ),
        ("exercises/exercises.toml", REGISTRY.replace("minutes = 8", ""), "container.graceful: `minutes` is missing."),
    ],
)
def test_drift_is_said(checkout: Path, write: Write, name: str, text: str | None, problem: str) -> None:
    """Edited, missing, stray, another cell, a damaged notebook, marker or registry: each is a sentence."""
    build(checkout)
    if text is None:
        (checkout / name).unlink()
    else:
        write(name, text)
    found = drift(checkout)
    assert [sentence for sentence in found if sentence.startswith(problem)], found


def test_build_moves_strays_away(checkout: Path, write: Write) -> None:
    """What lost its source leaves exercises/, with the folder it was alone in; it is kept in build/, not deleted."""
    build(checkout)
    write("exercises/00_start/own.py", "mine = 1\n")
    write("exercises/.hidden/cache", "")
    assert build(checkout) == [Path("exercises/00_start/own.py")]
    assert not (checkout / "exercises/00_start").exists()
    assert (checkout / "build/stray/exercises/00_start/own.py").read_text() == "mine = 1\n"
    assert drift(checkout) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("solutions/01_container/leaving.py", MARKED.replace("#: both", "#: all")),
        ("solutions/01_container/notebook.py", CELLS.replace("container.layer", "container.layers")),
        (NOTEBOOK, notebook(code_cell("setup", "x"))),
    ],
)
def test_build_writes_all_or_nothing(checkout: Path, write: Write, name: str, text: str) -> None:
    """A damaged marker, an unknown id, a missing cell: one sentence, and no file has changed."""
    write(name, text)
    before = files(checkout)
    with pytest.raises(WorkshopError) as caught:
        build(checkout)
    assert files(checkout) == before
    assert str(caught.value).rstrip().endswith(".")


def test_every_notebook_is_written_as_we_write_it() -> None:
    """Reading and writing a committed notebook changes no byte, so a build changes nothing but its cells."""
    notebooks = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        assert written(json.loads(path.read_bytes())) == path.read_bytes(), path.name
