"""``./workshop new lesson``: a lesson that runs, whose words are to be written; or a sentence, and no file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import copy_of_the_checkout
from workshop_dev import generator, new_lesson
from workshop_kit.errors import WrongUsage

NAME = "97_example"
"""A name that no author is likely to have taken."""
RULES = (
    "tests/quality/test_cell_contract.py",
    f"tests/quality/test_guides.py::test_commands_and_links_exist[notebooks/{NAME}.ipynb]",
    "tests/quality/test_guides.py::test_what_lessons_link_to_is_in_a_workspace",
    "tests/quality/test_imports.py",
    "tests/container_audit/test_report.py::test_the_catalog_and_its_page",
    "tests/workshop_kit/workspace/test_registry.py",
    "tests/workshop_room/pages/test_notes.py",
    "tests/workshop_room/timetable/test_plan.py",
    "tests/workshop_kit/lessons/test_displays.py",
    "tests/workshop_kit/lessons/test_policies.py",
    "tests/workshop_kit/workspace/test_track_notebook.py",
    f"tests/lessons/test_{NAME}.py",
)
FOR_THIS_LESSON = f"{NAME} or not (notes or track_notebook)"
"""Of tests that take a moment for each lesson, those of the new one."""


def run(checkout: Path, *words: str) -> str:
    """Run a program of this Python's environment in a checkout; return its output."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.long
def test_a_new_lesson_keeps_every_rule_and_lacks_its_words(tmp_path: Path) -> None:
    """Notebook, notes, predictions and registry fit the tests of all lessons, and the one that fails lists each TODO.

    Without the TODOs that passes, too.
    """
    checkout = copy_of_the_checkout(tmp_path / "check out")
    paths = [*new_lesson.write(checkout, NAME), *generator.build(checkout)]
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    output = run(checkout, "pytest", "-q", "-n0", "--tb=short", "-k", FOR_THIS_LESSON, *RULES)
    failed = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
    assert failed == [f"tests/lessons/test_{NAME}.py::test_nothing_is_left_to_write"], output
    python = [str(path) for path in paths if path.suffix in {".py", ".ipynb"}]
    assert run(checkout, "ruff", "check", *python) == "All checks passed!\n"
    for path in (checkout / path for path in paths if path.parts[0] != "tests"):
        path.write_text(path.read_text().replace("TODO ", ""))
    assert "4 passed" in run(checkout, "pytest", "-q", "-n0", f"tests/lessons/test_{NAME}.py")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("network", "'network' is no name for a lesson: two digits, then words"),
        ("04_network", "04_monitoring has that number already"),
        ("07_logging_again", "03_logging has that first word already"),
        ("98_taken", "notebooks/98_taken.notes.md exists, and nothing was written."),
    ],
)
def test_a_name_that_does_not_fit_is_one_sentence(root: Path, tmp_path: Path, name: str, sentence: str) -> None:
    """Wrong usage, with the reason; every file stays as it was, and none is new."""
    for folder in ("exercises", "notebooks"):
        shutil.copytree(root / folder, tmp_path / folder)
    (tmp_path / "notebooks" / "98_taken.notes.md").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(WrongUsage, match=re.escape(sentence)):
        new_lesson.write(tmp_path, name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
