"""What every committed notebook keeps to, lesson or not."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.file_cell import file_named
from workshop_kit.workspace.lab_settings import KERNEL

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
Cell = dict[str, Any]


def test_there_are_lessons() -> None:
    """The lessons are there: without any, the rules below would pass by checking nothing."""
    assert "00_start" in [path.stem for path in NOTEBOOKS]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook in turn."""
    notebook: Path = request.param
    return notebook


@pytest.fixture
def notebook(path: Path) -> dict[str, Any]:
    """Its content."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def cells(notebook: dict[str, Any], kind: str) -> list[Cell]:
    """The cells of a kind: ``code`` or ``markdown``."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell: Cell) -> str:
    """A cell's text; notebooks keep it as one string or as a list of lines."""
    return "".join(cell["source"])


def test_committed_without_outputs(notebook: dict[str, Any]) -> None:
    """No outputs, no execution counts, no saved widgets: they belong to whoever ran it."""
    for cell in cells(notebook, "code"):
        assert cell["outputs"] == [], cell["id"]
        assert cell["execution_count"] is None, cell["id"]
    assert "widgets" not in notebook["metadata"]


def test_cell_ids_are_stable_and_unique(notebook: dict[str, Any]) -> None:
    """Every cell has an id of its own that a person chose, so that updates can tell cells apart."""
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell_id in ids:
        assert re.fullmatch(r"[a-z][a-z0-9-]{1,40}", cell_id), cell_id
        assert not re.fullmatch(r"[0-9a-f]{8}", cell_id), f"{cell_id} looks made up by an editor"


def test_text_cells_are_short(notebook: dict[str, Any]) -> None:
    """A text cell stays under 120 words."""
    for cell in cells(notebook, "markdown"):
        assert len(source(cell).split()) < 120, cell["id"]


def test_code_cells_are_short(notebook: dict[str, Any]) -> None:
    """A code cell stays under 15 lines, one that writes a file under 30."""
    for cell in cells(notebook, "code"):
        most = 30 if file_named(source(cell)) else 15
        assert source(cell).count("\n") + 1 < most, cell["id"]


def test_it_ends_with_the_board(notebook: dict[str, Any]) -> None:
    """The last cell shows how all exercises stand, and the way to the next lesson."""
    last = notebook["cells"][-1]
    assert (last["id"], source(last)) == ("board", "w.board()")


def test_the_kernel_is_ours(notebook: dict[str, Any]) -> None:
    """The notebook asks for the kernel that has the library, and tells nothing of its author's machine."""
    assert notebook["metadata"]["kernelspec"]["name"] == KERNEL
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "title"}
    assert notebook["nbformat"] == 4
    assert notebook["nbformat_minor"] >= 5


def test_code_parses(notebook: dict[str, Any]) -> None:
    """Code cells are plain Python (top-level await allowed), commands of the shell, or files: no other magics."""
    for cell in cells(notebook, "code"):
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
        if not file_named(source(cell)):
            compile(re.sub(r"(?m)^!.*$", "pass", source(cell)), cell["id"], "exec", flags=flags)


def test_code_is_tidy(path: Path) -> None:
    """Ruff finds nothing in the code cells, under the rules that hold for notebooks."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert found.returncode == 0, found.stdout
