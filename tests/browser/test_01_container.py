"""Lesson 01 in JupyterLab: run from top to bottom, and again after an exercise was solved."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.checkpoint import solve
from workshop_kit.exercises.exercise_service import ExerciseService

pytestmark = [
    pytest.mark.browser,
    pytest.mark.engine,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("browser"),
]
LESSON = "01_container"
CHARTS = ("layers", "compare-stops", "memory")


def run_everything(lab: LabPage) -> None:
    """Run the code cells one after the other, as Shift+Enter does."""
    for number in lessons.code_cells(LESSON):
        lab.run_cell(number)


def no_stack() -> Stack:
    """Solving an exercise asks for no engine."""
    raise AssertionError("this needs no stack")


def test_run_all_twice_keeps_a_solution(lab: LabPage, session: Session) -> None:
    """The first run shows every failure; after an exercise was solved, the second run leaves its files alone."""
    lessons.open_untouched(lab, LESSON)
    run_everything(lab)
    seen = {
        "stop": "with exit code 137",
        "gone": "No such file or directory",
        "ended": "OOMKilled: True",
        "hold": "seconds to build",
    }
    lessons.expect_texts(lab, LESSON, seen)
    for cell in CHARTS:
        expect(lab.output(lessons.position(LESSON, cell)).locator("img")).to_be_visible()
    lessons.photograph(lab, LESSON, CHARTS)
    dockerfile = lab.workspace.folder / "my_service" / "Dockerfile"
    solve(ExerciseService.of(lab.workspace, no_stack), "container.dockerfile")
    solved = dockerfile.read_text()
    run_everything(lab)
    assert dockerfile.read_text() == solved
    lessons.expect_texts(lab, LESSON, {"write-dockerfile": "stays as it is", "stop": "with exit code 0"})
    assert lab.errors == []
