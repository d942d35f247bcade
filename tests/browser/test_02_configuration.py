"""Lesson 02 in JupyterLab: all of it at once, the hunt, the refusals, three environments, the exercises' panels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(600)]
LESSON = "02_configuration"
PHOTOGRAPHED = ("map", "hunt", "exercise-config-env", "form", "fail-chart", "three-table", "delivery", "hold", "board")


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The password in the deleted file, the refusal, the narrow reader, the rotation: on the page."""
    lessons.run_all(lesson, LESSON, within_seconds=240)
    seen = {
        "hunt": "in the deleted file",
        "explain": "MASTER_DB_PASSWORD",
        "exercise-config-report": "Say everything at once",
        "fail-reveal": "configuration refused",
        "narrow": "may not read /workshop/production",
        "three-table": "TRADITIONAL",
        "rotate": "restarted",
        "emulator": "not-a-real-password",
        "tests-run": "1 failed, 3 passed",
        "hold": "in the Dockerfile",
    }
    lessons.expect_texts(lesson, LESSON, seen)
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
