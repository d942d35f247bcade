"""What the lessons state holds: numbers of the factors, and pytest's own cell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop_kit.audit.catalog import principles
from workshop_kit.workspace import solutions

FACTOR = re.compile(r"[Ff]actor (\d+)")
TEXTS = ("notebooks/*.ipynb", "exercises/exercises.toml", "docs/*.md", "README.md")


def words(text: str) -> str:
    """A text in lower case without emphasis, quotes and commas, so that two spellings of one name are equal."""
    return re.sub(r"[^\w\s]", "", text).lower()


def cells_of(root: Path, lesson: str) -> dict[str, str]:
    """The source of every cell of a lesson, by its id."""
    document = json.loads((root / "notebooks" / f"{lesson}.ipynb").read_text())
    return {cell["id"]: "".join(cell["source"]) for cell in document["cells"]}


def references(root: Path) -> Iterator[tuple[str, int, str]]:
    """Every reference to a factor: the file, the number, and the words behind the number."""
    for path in (path for pattern in TEXTS for path in sorted(root.glob(pattern))):
        text = path.read_text()
        for found in FACTOR.finditer(text):
            yield path.name, int(found[1]), words(text[found.end() : found.end() + 60])


def test_every_factor_is_cited_with_its_number_and_its_name(root: Path) -> None:
    """The fifteen factors and the original twelve have different numbers: the name beside each says which is meant."""
    names = {int(one.id[1:]): words(one.name) for one in principles() if one.id.startswith("F")}
    found = list(references(root))
    assert {name for name, _, _ in found} >= {"exercises.toml", "01_container.ipynb", "02_configuration.ipynb"}
    wrong = [one for one in found if not one[2].lstrip().startswith(names.get(one[1], "no such factor"))]
    assert wrong == []


def test_the_pytest_cell_of_lesson_02b_ignores_every_outer_configuration(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace lies inside a repository whose options, plugins and conftest.py are none of the lesson's."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntimeout = 1\naddopts = "--no-such-option"\n')
    (tmp_path / "conftest.py").write_text("raise SystemExit('the outer conftest.py was read')\n")
    folder = tmp_path / "workspace" / "my_service"
    folder.mkdir(parents=True)
    for name, text in solutions.files_at(root, "03_logging").items():
        (folder / name).write_text(text)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    cell = cells_of(root, "02b_configuration_more")["run-tests"]
    python, _, shell = cell.rpartition("\n!")
    names = {"sys": sys, "folder": folder}
    exec(python, names)
    command = shell.format(**names).replace("{folder.parent}", str(folder.parent))
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "2 passed" in said.stdout, said.stdout
