"""Lesson 03 in JupyterLab up to its explorer: a script that a customer planted in a log runs nowhere on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.long, pytest.mark.xdist_group("browser")]
LESSON = "03_logging"
AFTER = "panel-logging-cause"
PLANTED = "the database was sold"


def no_stack() -> Stack:
    """Solving an exercise asks for no engine."""
    raise AssertionError("this needs no stack")


def test_hostile_lines_stay_text_in_the_lesson(lab: LabPage, session: Session) -> None:
    """With a log on stdout, tables, `docker logs` and the explorer show the planted line; its script does not run."""
    lessons.open_untouched(lab, LESSON)
    checkpoint.solve_until(ExerciseService.of(lab.workspace, no_stack), LESSON, "exercise-logging-stdout")
    lab.cell(lessons.position(LESSON, AFTER)).locator(".cm-content").click()
    lab.menu("Run", "Run All Above Selected Cell")
    lab.wait_until_run([*lessons.code_cells(LESSON, before=AFTER)][-1])
    explorer = lab.output(lessons.position(LESSON, "tail")).locator(".wk-live")
    explorer.get_by_role("searchbox").fill(f'"{PLANTED}"')
    explorer.get_by_role("searchbox").press("Enter")
    expect(explorer).to_contain_text(re.compile(r"(?<!\d)1 of \d+ lines"))
    lessons.expect_texts(lab, LESSON, {"again": PLANTED, "frame": PLANTED})
    lessons.photograph(lab, LESSON, ("deploy", "again", "frame", "chart", "waits", "tail", "find", "explore"))
    assert lab.page.evaluate("window.__planted") is None
    assert lab.errors == []
