"""Lesson 06 in JupyterLab: all of it at once, cards and heat maps, a target of one's own, the page to take home."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.take_home import NAME
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(1200)]
LESSON = "06_audit"
PHOTOGRAPHED = (
    *("map", "audit-naive", "data", "guidelines", "audit-ours", "heatmap", "careless", "gate", "yours"),
    *("yours-heatmap", "take-home", "board"),
)


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage, workspace: Workspace) -> None:
    """An order that works, what does not hold all the same, exit codes, a policy on the page to take home."""
    Progress(workspace.progress_path).keep_policy("03_logging", ["Where do the lines go?: To stdout, all of them."])
    lessons.run_all(lesson, LESSON, within_seconds=900)
    seen = {
        "naive": "an order: 201",
        "audit-naive": "It writes its log to /tmp/service.log.",
        "data": "confinement",
        "guidelines": "01: SIGTERM, heard or not",
        "audit-ours": "What holds",
        "careless": "It runs as root.",
        "gate": "--fail-on never",
        "yours": "Audit of yours",
        "take-home": "Where do the lines go?: To stdout, all of them.",
    }
    lessons.expect_texts(lesson, LESSON, seen)
    expect(lesson.output(lessons.position(LESSON, "heatmap")).get_by_role("img")).to_have_attribute(
        "alt", re.compile(r"^Heat map: Before and after\. in a hurry: holds: ")
    )
    assert "To stdout, all of them." in (workspace.folder / NAME).read_text()
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
