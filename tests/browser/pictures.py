"""Make the moving picture of the README, docs/images/lesson.gif: ``./workshop test tests/browser/pictures.py``.

It is no part of the suite, since a picture is looked at before it is committed.
"""

from __future__ import annotations

from functools import partial
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage, button
from workshop_kit import provision
from workshop_kit.engine.session import Session
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT

pytestmark = pytest.mark.timeout(900)
PICTURE = CHECKOUT / "docs" / "images" / "lesson.gif"
LESSON = "01_container"
position = partial(lessons.position, LESSON)
SIZE: ViewportSize = {"width": 960, "height": 720}
SCENE_MILLISECONDS = 4000
COLORS = 128
CHECK_MS = 180_000


def scene(lab: LabPage, first: str, shown: Locator) -> Image.Image:
    """Take a picture of the window with a cell at its top; ``shown`` has to be on it."""
    lab.scroll_to_top(position(first))
    expect(shown).to_be_in_viewport(ratio=1)
    return Image.open(BytesIO(lab.page.screenshot())).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)


@pytest.fixture
def lesson(lab: LabPage, session: Session) -> LabPage:
    """The lesson with the exercises of its service solved, in a small window without the file browser."""
    stack = provision.stack_of(lab.workspace, session)
    stack.up()
    service = ExerciseService.of(lab.workspace, lambda: stack)
    for identifier in ("container.dockerfile", "container.limits"):
        checkpoint.solve(service, identifier)
    lab.page.set_viewport_size(SIZE)
    lessons.open_untouched(lab, LESSON)
    lab.page.keyboard.press("Control+b")
    expect(lab.page.locator("#jp-left-stack")).to_be_hidden()
    return lab


def guess_scene(lesson: LabPage) -> Image.Image:
    """Choose a wrong answer to the question about memory."""
    for cell_id in ("setup", "build", "predict-memory"):
        lesson.run_cell(position(cell_id))
    question = lesson.widget(position("predict-memory"))
    question.get_by_role("button", name="It goes on, slowly").click()
    locked = question.get_by_role("status")
    expect(locked).to_contain_text("Locked")
    return scene(lesson, "memory-text", locked)


def failure_scene(lesson: LabPage) -> Image.Image:
    """Run the container into its limit: its memory as a chart, and its exit code."""
    for cell_id in ("eat", "memory", "ended"):
        lesson.run_cell(position(cell_id))
    ended = lesson.output(position("ended"))
    expect(ended).to_contain_text("exit code 137 OOMKilled: True")
    return scene(lesson, "memory", ended)


def reason_scene(lesson: LabPage) -> Image.Image:
    """Reveal what happened, beside the guess."""
    lesson.run_cell(position("reveal-memory"))
    happened = lesson.output(position("reveal-memory")).get_by_text("so none can log it")
    return scene(lesson, "reveal-memory", happened)


def check_scene(lesson: LabPage) -> Image.Image:
    """Check the exercise about limits, which is solved."""
    cell = position("exercise-container-limits")
    lesson.run_cell(cell)
    button(lesson.widget(cell), "Check").click()
    passed = lesson.widget(cell).get_by_role("region", name="What the check found").get_by_text("Passed").first
    expect(passed).to_be_visible(timeout=CHECK_MS)
    return scene(lesson, "exercise-container-limits", passed)


def test_the_picture_of_the_readme(lesson: LabPage) -> None:
    """Guess, break, find out, repair: four scenes of a lesson in turn."""
    first, *later_images = [make(lesson) for make in (guess_scene, failure_scene, reason_scene, check_scene)]
    first.save(PICTURE, save_all=True, append_images=later_images, duration=SCENE_MILLISECONDS, loop=0)
    assert lesson.errors == []
