"""The steps of the course: what the participant's files are after each, and how much of them is the participant's."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import steps
from workshop_kit.workspace.course import FILE
from workshop_kit.workspace.merge import Merged

SHOP = "my_service/shop.py"
CELLS = {
    "write-shop": f'%%file {SHOP}\nSIZE = 1\n\n\ndef sell():\n    """Sell tea."""\n    return None\n',
    "write-more": f"%%file {SHOP} (changes)\ndef buy():\n    return None\n",
}
ANSWERS = '''import json


def sell():
    """Sell tea."""
    return json.dumps("tea")


def buy():
    return "leaves"
'''
FIRST = '''import json

SIZE = 1


def sell():
    """Sell tea."""
    return json.dumps("tea")
'''
SHARES = {"01b_orders": 0.24, "02b_dependencies": 0.25}
"""The least share of the participant's own lines at the end of a lesson."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one lesson, of which two file cells leave a definition open."""
    cells = [{"id": identifier, "cell_type": "code", "source": source} for identifier, source in CELLS.items()]
    texts = {
        FILE: '[lessons]\n01_shop = { title = "Shop" }\n',
        "notebooks/01_shop.ipynb": json.dumps({"cells": cells}),
        f"solutions/01_shop/{steps.OPEN}/shop.py": ANSWERS,
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_an_open_definition_has_its_answer_after_its_cell(root: Path) -> None:
    """It is a step of its own, with the definitions that this cell names, and no more."""
    course = steps.load(root)
    assert [(step.cell, step.exercise) for step in course] == [
        ("write-shop", ""),
        ("write-shop", steps.OPEN),
        ("write-more", ""),
        ("write-more", steps.OPEN),
    ]
    file = steps.files_after(course[:2])[SHOP]
    assert file.text == FIRST
    assert "return None" in file.record.text


def test_the_answer_stays_when_a_later_cell_does_not_name_it(root: Path) -> None:
    """Who answers nothing has the definitions as they were shown."""
    course = steps.load(root)
    file = steps.files_after(course)[SHOP]
    untouched = steps.files_after(course, lambda _exercise: False)[SHOP]
    assert "return None" not in file.text
    assert (untouched.text, untouched.record) == (file.record.text, file.record)


def test_no_later_cell_replaces_an_answer() -> None:
    """What the participant wrote in place of an open definition is the participant's to the end."""
    answers: dict[str, set[str]] = {}
    for step in steps.load(CHECKOUT):
        for change in step.changes:
            names = answers.setdefault(change.path, set())
            if step.exercise == steps.OPEN:
                names.update(steps.own_names(change))
            elif not step.exercise:
                assert not names.intersection(steps.own_names(change)), (step.lesson, step.cell)


@pytest.mark.parametrize("lesson", SHARES)
def test_the_lines_are_the_participants(lesson: str) -> None:
    """At least this share of the service's lines differs from the service of someone who typed nothing.

    Blank lines are nobody's.
    """
    course = [step for step in steps.load(CHECKOUT) if step.lesson <= lesson]
    solved = service_lines(steps.files_after(course))
    untouched = service_lines(steps.files_after(course, lambda _exercise: False))
    own = sum(len(new_lines(untouched[path], lines)) for path, lines in solved.items())
    total = sum(map(len, solved.values()))
    assert own >= SHARES[lesson] * total, f"{own} of {total} lines: {own / total:.0%}"


def service_lines(files: dict[str, Merged]) -> dict[str, list[str]]:
    """Return the lines of the service's Python files, without tests and blank lines."""
    lines: dict[str, list[str]] = {}
    for path, file in files.items():
        folder, _, name = path.rpartition("/")
        if folder == "my_service" and name.endswith(".py") and not name.startswith("test_"):
            lines[path] = [line for line in file.text.splitlines() if line.strip()]
    return lines


def new_lines(before: list[str], after: list[str]) -> list[str]:
    """Return the lines that were added or changed."""
    return [line for line in difflib.ndiff(before, after) if line.startswith("+ ")]
