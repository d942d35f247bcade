"""The cell contract: what a participant types are everyday tools, in short cells, in plain words."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.quality.test_air import COMPREHENSIONS, has_inside
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import steps
from workshop_kit.workspace.folder import REFERENCES
from workshop_kit.workspace.lab_settings import KERNEL

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
LESSONS = [path.stem for path in NOTEBOOKS]
FRAME = {"up", "client", "folder", "map", "predict", "policy", "exercise", "board"}
KIT_NAMES = 12
CODE_LINES = 12
FILE_LINES = 45
WORDS = 90
KIT = re.compile(r"\bw\.(\w+)")
SHELL = "%%bash"
NEUTRAL = re.compile(r"\s*(import |from |[\w.\[\]\"']+\s*$)|.*\.(set_title|set_xlabel|set_ylabel|legend)\(")
EVERYDAY = re.compile(r"\b(docker|client|container|image|httpx|json|pd|plt|ax|boto3|tarfile)\b\s*[.(]|^\s*[!%]")


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson."""

    id: str
    is_code: bool
    source: str

    @property
    def lines(self) -> list[str]:
        """Its lines without blank ones and comments."""
        filled = [line for line in self.source.split("\n") if line.strip()]
        return [line for line in filled if not line.strip().startswith("#")]

    @property
    def is_file(self) -> bool:
        """Whether it writes a file of the participant."""
        return steps.file_cell(self.source) is not None

    @property
    def is_shell(self) -> bool:
        """Whether its lines are typed as they are at a terminal."""
        return self.source.startswith(SHELL)


@pytest.fixture(params=LESSONS)
def cells(request: pytest.FixtureRequest) -> list[Cell]:
    """The cells of each lesson in turn."""
    path = CHECKOUT / "notebooks" / f"{request.param}.ipynb"
    notebook_cells = json.loads(path.read_text())["cells"]
    return [Cell(cell["id"], cell["cell_type"] == "code", "".join(cell["source"])) for cell in notebook_cells]


def code(cells: list[Cell]) -> list[Cell]:
    """The code cells."""
    return [cell for cell in cells if cell.is_code]


def python(cell: Cell) -> ast.Module:
    """The Python of a code cell, with ``pass`` for each command of the shell; nothing of a file cell or a script."""
    if cell.is_file or cell.is_shell:
        return ast.parse("")
    return ast.parse(re.sub(r"^![^\n]*$", "pass", cell.source, flags=re.MULTILINE))


def kit_imports(cells: list[Cell]) -> set[str]:
    """The names that the code cells import from the kit."""
    nodes = [node for cell in code(cells) for node in ast.walk(python(cell))]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    from_kit = [node for node in imports if (node.module or "").startswith(("workshop_kit", "container_audit"))]
    return {alias.name for node in from_kit for alias in node.names}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean(path: Path) -> None:
    """It has no outputs, ids that a person chose, the workshop's kernel, and the board at its end."""
    document = json.loads(path.read_text())
    for cell in document["cells"]:
        assert re.fullmatch(r"[a-z][a-z0-9-]{1,40}", cell["id"]), cell["id"]
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]
    ids = [cell["id"] for cell in document["cells"]]
    assert len(set(ids)) == len(ids)
    last = document["cells"][-1]
    assert (last["id"], "".join(last["source"])) == ("board", "w.board()")
    assert document["metadata"]["kernelspec"]["name"] == KERNEL
    assert set(document["metadata"]) <= {"kernelspec", "language_info", "title"}


def test_few_names_of_the_kit(cells: list[Cell]) -> None:
    """At most twelve, ``lesson`` aside; each is introduced by its name in a text, in lesson 00 or here."""
    used = {name for cell in code(cells) for name in KIT.findall(cell.source)}
    names = used | kit_imports(cells) - {"lesson"}
    assert len(names) <= KIT_NAMES, names
    texts = " ".join(cell.source for cell in cells if not cell.is_code)
    assert [name for name in names - FRAME - {"engine"} if name not in texts] == []


HELPERS = re.compile(r"\b(build|start|url|ask|settings)\(")
"""The participant's own tools.py."""


def test_everyday_tools_outnumber_the_kit(cells: list[Cell]) -> None:
    """Two lines of the SDK, httpx, json, pandas, matplotlib or the shell for each line with a name of the kit."""
    of_kit = re.compile(rf"{KIT.pattern}|\b({'|'.join(sorted(kit_imports(cells)))})\b")
    shell_cells = [cell for cell in code(cells) if cell.is_shell]
    python_cells = [cell for cell in code(cells) if not cell.is_shell]
    typed = [line for cell in shell_cells for line in cell.lines]
    python_lines = [line for cell in python_cells for line in cell.lines]

    lines = [line for line in python_lines if not is_neutral(line)]
    kit = [line for line in lines if of_kit.search(line)]
    other_lines = [line for line in lines if line not in kit]
    everyday = [line for line in other_lines if is_everyday(line)]
    assert len(everyday) + len(typed) >= 2 * len(kit), (len(everyday), len(typed), len(kit))


def is_neutral(line: str) -> bool:
    """Whether a line counts for neither side: an import, a value to show, a title."""
    return not KIT.search(line) and bool(NEUTRAL.match(line))


def is_everyday(line: str) -> bool:
    """Whether a line has a call of an everyday tool, or of the participant's own tools."""
    return bool(EVERYDAY.search(line) or HELPERS.search(line))


def test_short_cells(cells: list[Cell]) -> None:
    """Twelve lines of code, 45 of a file, 90 words of text."""
    long = [cell.id for cell in code(cells) if len(cell.lines) > (FILE_LINES if cell.is_file else CODE_LINES)]
    assert long == []
    texts = [cell for cell in cells if not cell.is_code]
    assert [cell.id for cell in texts if len(cell.source.split()) > WORDS] == []


def test_no_comprehension_in_another(cells: list[Cell]) -> None:
    """One loop in one line is enough to read."""
    for cell in code(cells):
        nodes = [node for node in ast.walk(python(cell)) if isinstance(node, COMPREHENSIONS)]
        assert [node for node in nodes if len(node.generators) > 1] == [], cell.id
        assert [node for node in nodes if has_inside(node, COMPREHENSIONS)] == [], cell.id


def test_it_opens_with_objectives_and_ends_with_key_points(cells: list[Cell]) -> None:
    """Three objectives and the map first; last, before the board, three key points, what to take home, and links.

    One link leads to the page of references.
    """
    first = cells[0].source
    end = next(cell.source for cell in cells if cell.id == "end")
    assert len(re.findall(r"^- ", first, re.MULTILINE)) == 3
    assert cells[[cell.is_code for cell in cells].index(True) + 1 :][0].id in {"map", "map-text"}
    assert len(re.findall(r"^- ", end, re.MULTILINE)) == 3
    assert "**Take home:**" in end
    assert "](https://" in end
    assert f"](../{REFERENCES})" in end
