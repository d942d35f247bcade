"""An exercise as a lesson has it: checked on the running stack, hinted at, edited beside the notebook, passed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import WAIT_MS, LabPage, brightness
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import regions, registry
from workshop_kit.learn.exercise.texts import Texts
from workshop_kit.learn.workspace import CHECKOUT, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(600)]

ID = "container.graceful"
SOURCES = [
    'from workshop_kit.learn.lesson import lesson\nw = lesson("01_container")',
    "w.up()",
    f'w.exercise("{ID}");',
]
FILE = "exercises/01_container/__main__.py"


@pytest.fixture(scope="module")
def texts(workspace: Workspace) -> Iterator[Texts]:
    """The exercise's texts; the stack that its checks ran on is gone afterwards."""
    yield Texts(CHECKOUT, workspace.folder, registry.find(registry.load(CHECKOUT), ID))
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


@pytest.fixture
def exercise(lab: LabPage, write_notebook: WriteNotebook, texts: Texts) -> Locator:
    """The panel, in a workspace where nothing was done yet."""
    file = lab.workspace.folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(regions.starter(texts.marked))
    lab.workspace.progress_path.unlink(missing_ok=True)
    write_notebook("lesson", SOURCES)
    lab.open("lesson")
    lab.run_all()
    lab.wait_until_run(2)
    panel = lab.output(2).locator(".wk-live")
    expect(panel).to_be_visible()
    return panel


def found(exercise: Locator) -> Locator:
    """Where the check says what it found."""
    return exercise.get_by_role("region", name="What the check found")


def on_the_board(exercise: Locator) -> Locator:
    """The line of the exercise on the board."""
    return exercise.get_by_role("row").filter(has_text=ID)


def write_in_editor(lab: LabPage, text: str) -> None:
    """Type over all that is in the open editor, without saving."""
    lab.page.locator(".jp-FileEditor .cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(text)
    expect(lab.page.locator(".jp-mod-dirty.jp-mod-current", has_text="__main__.py")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_from_the_first_check_to_the_pass(lab: LabPage, exercise: Locator, texts: Texts, dark: bool) -> None:
    """Check fails and says why, hints help, what was typed beside the notebook passes unsaved, and the board knows."""
    lab.page.set_viewport_size({"width": 1280, "height": 1700})  # for the pictures
    lab.theme(dark=dark)
    theme = "dark" if dark else "light"
    assert (brightness(exercise) < 128) == dark
    check = exercise.get_by_role("button", name="Check")
    check.click()
    expect(exercise.get_by_role("progressbar")).to_be_visible()
    expect(found(exercise)).to_contain_text("Not started", timeout=WAIT_MS)
    expect(found(exercise).get_by_role("img", name="not as expected").first).to_be_visible()
    exercise.get_by_role("button", name="Hint 1 of 3").click()
    expect(exercise).to_contain_text("SIG_IGN throws the signal away")
    exercise.get_by_text("All exercises").click()
    expect(on_the_board(exercise)).to_contain_text("tried")
    lab.screenshot(f"lesson-exercise-failed-{theme}", exercise)
    exercise.get_by_role("button", name="Open file").click()
    write_in_editor(lab, texts.with_body(texts.solution))
    lab.screenshot(f"lesson-exercise-beside-{theme}")
    check.click()
    expect(found(exercise)).to_contain_text("Passed", timeout=WAIT_MS)
    expect(on_the_board(exercise)).to_contain_text("✓ passed")
    lab.page.get_by_role("tab", name="__main__.py").locator(".lm-TabBar-tabCloseIcon").click()
    lab.screenshot(f"lesson-exercise-passed-{theme}", exercise)
    assert lab.errors == []


@pytest.fixture
def layer(lab: LabPage, write_notebook: WriteNotebook) -> Locator:
    """The panel of an exercise that is done in the notebook: cell 1 shows it, the answer is worked out in cell 2."""
    path = lab.workspace.notebooks / "01_container.ipynb"
    lesson = json.loads((CHECKOUT / "notebooks" / path.name).read_text())
    wanted = ("panel-container-layer", "exercise-container-layer")
    shown, answer = (cell for cell in lesson["cells"] if cell["id"] in wanted)
    imports = "from workshop_kit.observe.layers import files\n"
    write_notebook(path.stem, [imports + SOURCES[0], "".join(shown["source"])])
    small = json.loads(path.read_text())
    path.write_text(json.dumps({**small, "cells": [*small["cells"], answer]}))
    lab.workspace.progress_path.unlink(missing_ok=True)
    lab.open(path.stem)
    lab.run_all()
    lab.wait_until_run(2)
    panel = lab.output(1).locator(".wk-live")
    expect(panel).to_be_visible()
    return panel


def test_an_exercise_in_the_notebook(lab: LabPage, layer: Locator) -> None:
    """What the cell hands in is judged; reset keeps what was typed, saved or not, and shows the starter."""
    expect(found(layer)).to_contain_text("Not started")
    expect(layer.get_by_role("button", name="Open file")).to_have_count(0)
    starter = lab.cell(2).locator(".cm-content").inner_text()
    lab.cell(2).locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text('task.hand_in({"instruction": "COPY", "hidden_bytes": 1})  # mine')
    lab.page.keyboard.press("Control+Enter")
    lab.wait_until_idle()
    expect(found(layer)).to_contain_text("It runs, but it is not right yet")
    layer.get_by_role("button", name="Check").click()
    expect(layer.get_by_role("progressbar")).to_be_hidden()
    expect(found(layer)).to_contain_text("It runs, but it is not right yet")
    lab.screenshot("lesson-exercise-notebook", layer)
    layer.get_by_role("button", name="Reset").click()
    layer.get_by_role("button", name="Yes, reset it").click()
    expect(lab.cell(2).locator(".cm-content")).not_to_contain_text("# mine", timeout=WAIT_MS)
    assert lab.cell(2).locator(".cm-content").inner_text() == starter
    assert any("# mine" in kept.read_text() for kept in lab.workspace.folder.glob("kept/**/01_container.ipynb"))
    expect(lab.output(1).locator(".wk-live").get_by_role("status")).to_contain_text("is back at its start")
    assert lab.errors == []
