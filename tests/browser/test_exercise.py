"""An exercise in JupyterLab: checked on the running stack, hinted at, edited in a tab, passed, reset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage
from tests.conftest import write_notebook
from workshop_kit.exercises.exercise_files import ExerciseFiles
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, exercise_list, steps
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.usefixtures("session")

ID = "container.graceful"
FILE = "my_service/start.sh"
SETUP = 'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")'
UP = f"{SETUP}\nw.up()"
SHOW = f'w.exercise("{ID}");'
BUSY = "import time\ntime.sleep(60)"


@pytest.fixture
def texts(workspace: Workspace) -> ExerciseFiles:
    """The exercise's texts; its file in the workspace is as lesson 01 shipped it, beside solved ones."""
    shutil.rmtree(workspace.my_service, ignore_errors=True)
    course = steps.before(steps.load(CHECKOUT), "01b_orders")
    for path, file in steps.files_after(course, lambda exercise: exercise != ID).items():
        content.write(workspace, path, file.text)
        content.write_record(workspace, path, file.record)
    return ExerciseFiles(CHECKOUT, workspace.folder, exercise_list.find(exercise_list.load(CHECKOUT), ID))


def widget(lab: LabPage) -> Locator:
    """The exercise's widget below cell 1, not its static twin."""
    exercise = lab.widget(1)
    expect(exercise).to_be_visible()
    return exercise


def button(exercise: Locator, name: str) -> Locator:
    """A button of the panel, by its name."""
    return exercise.get_by_role("button", name=name)


def findings_region(exercise: Locator) -> Locator:
    """The region with the check's findings."""
    return exercise.get_by_role("region", name="What the check found")


def on_the_board(exercise: Locator) -> Locator:
    """The line of the exercise on the board."""
    return exercise.get_by_role("row").filter(has_text=ID)


def write_in_editor(lab: LabPage, text: str) -> None:
    """Type over all that is in the open editor, without saving."""
    lab.page.locator(".jp-FileEditor:visible .cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(text)
    expect(lab.page.locator(".jp-mod-dirty.jp-mod-current", has_text="start.sh")).to_be_visible()


def to_tab(lab: LabPage, name: str) -> None:
    """Click on a tab of the main area."""
    tab(lab, name).click()


def tab(lab: LabPage, name: str) -> Locator:
    """A tab of the main area."""
    return lab.page.locator("#jp-main-dock-panel").get_by_role("tab", name=name)


def width(lab: LabPage, place: str) -> float:
    """The width of what is seen of a place, in pixels."""
    return float(lab.page.locator(f"{place}:visible").evaluate("one => one.clientWidth"))


def test_from_the_first_check_to_the_pass(lab: LabPage, texts: ExerciseFiles) -> None:
    """While a cell runs, a check fails with a finding, a hint opens, and so does the file.

    In a window of 1280 pixels the file is a tab as wide as the notebook. Unsaved edits are checked and pass.
    """
    lab.page.set_viewport_size({"width": 1280, "height": 1700})  # for the pictures
    lab.show("lesson", [UP, SHOW, BUSY], run=2)
    lab.run_cell(2, wait=False)
    exercise = widget(lab)
    press_with_keys(lab, exercise)
    expect(exercise).to_contain_text("Two things can hold up a stop")
    expect(exercise.get_by_role("progressbar", name=f"Checking {ID}")).to_be_visible()
    expect(findings_region(exercise)).to_contain_text("Not started")
    expect(lab.prompt(2)).to_have_text("[*]:")
    expect(findings_region(exercise)).to_have_attribute("aria-live", "polite")
    heard = exercise.aria_snapshot()
    for line in ('group "Stop gracefully, and in time"', f'button "Open file {FILE}"', 'img "not as expected"'):
        assert line in heard
    exercise.get_by_text("All exercises").click()
    expect(on_the_board(exercise)).to_contain_text("tried")
    lab.screenshot("exercise-failed", exercise)
    expect(exercise).to_contain_text(f"Edit {texts.place('start.sh')}.")
    button(exercise, "Open file").click()
    expect(lab.page.locator(".jp-FileEditor .cm-content")).to_contain_text("my-service starts")
    lab.screenshot("exercise-file")
    expect(exercise).to_be_hidden()
    assert width(lab, ".jp-FileEditor") > 700
    write_in_editor(lab, texts.solved_texts()[FILE])
    to_tab(lab, "lesson.ipynb")
    button(exercise, "Check").click()
    expect(findings_region(exercise)).to_contain_text("Passed")
    button(exercise, "Compare").click()
    expect(exercise.get_by_label("The reference")).to_contain_text("exec uvicorn")
    expect(on_the_board(exercise)).to_contain_text("✓ passed")
    lab.page.get_by_role("tab", name="start.sh").locator(".lm-TabBar-tabCloseIcon").click()
    lab.screenshot("exercise-passed", exercise)
    assert lab.errors == []


def press_with_keys(lab: LabPage, exercise: Locator) -> None:
    """Reach the buttons with Tab, check with Space, open a hint with Enter; no key reaches the notebook."""
    cells = lab.cell_count()
    button(exercise, "Check").focus()
    for name in ("Hint 1 of 3", "Show solution", "Reset"):
        lab.page.keyboard.press("Tab")
        expect(button(exercise, name)).to_be_focused()
        for key in ("b", "a", "d", "d"):
            lab.page.keyboard.press(key)
    button(exercise, "Check").focus()
    lab.page.keyboard.press("Space")
    expect(button(exercise, "Check")).to_have_attribute("aria-disabled", "true")
    expect(button(exercise, "Check")).to_be_focused()
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(button(exercise, "Hint 2 of 3")).to_be_focused()
    assert lab.cell_count() == cells


@pytest.mark.long
def test_a_hint_is_in_view_and_solution_and_reset_ask_first(lab: LabPage, texts: ExerciseFiles) -> None:
    """After a click Shift+Enter runs the next cell. The solution is shown after a second click.

    A reset keeps the edited file, and names its place.
    """
    lab.page.set_viewport_size({"width": 1024, "height": 400})
    lab.show("lesson", [SETUP, SHOW, '"went on"'], run=2)
    exercise = widget(lab)
    button(exercise, "Hint 1 of 3").click()
    expect(exercise.get_by_text("Hint 1 of 3", exact=True).last).to_be_in_viewport()
    lab.page.keyboard.press("Shift+Enter")
    expect(lab.output(2)).to_contain_text("went on")
    expect(lab.prompt(1)).to_have_text("[2]:")
    button(exercise, "Show solution").click()
    button(exercise, "Show me anyway").click()
    expect(exercise).to_contain_text("exec uvicorn")
    button(exercise, "Open file").click()
    solved = texts.solved_texts()[FILE]
    write_in_editor(lab, solved)
    to_tab(lab, "lesson.ipynb")
    button(exercise, "Reset").click()
    button(exercise, "Yes, reset it").click()
    expect(exercise.get_by_role("status")).to_contain_text("kept")
    to_tab(lab, "start.sh")
    expect(lab.page.locator(".jp-FileEditor .cm-content")).not_to_contain_text("exec uvicorn")
    files = [file for file in lab.workspace.folder.rglob("*") if file.is_file()]
    kept = [file for file in files if "start" in file.name]
    assert solved in [file.read_text() for file in kept]
    assert (lab.workspace.folder / FILE).read_text() == texts.base_text(FILE)
    assert lab.errors == []


@pytest.fixture
def short_files(workspace: Workspace) -> Iterator[None]:
    """Files of a line each in `my_service`; what was there is there again afterwards."""
    paths = [workspace.service_folder() / name for name in ("start.sh", "compose.yaml", "config.py", "notes.txt")]
    texts = {path: path.read_text() for path in paths if path.exists()}
    for path in paths:
        path.write_text("# nothing yet\n")
    yield
    for path in paths:
        path.unlink()
    for path, text in texts.items():
        path.write_text(text)


@pytest.mark.long
@pytest.mark.usefixtures("short_files")
def test_files_of_other_lessons_leave(lab: LabPage, workspace: Workspace) -> None:
    """In a wide window files share one pane beside the notebook. A file of another lesson closes those before it.

    A file with unsaved changes stays, and so does one that the participant opened. *Open file* shows what the disk has,
    from the definition on that the exercise is about.
    """
    (workspace.my_service / "config.py").write_text("# above\n" * 80 + "def read_group(group):\n    return None\n")
    lab.page.set_viewport_size({"width": 1900, "height": 900})
    panels = [f'w.exercise("{name}");' for name in (ID, "container.limits", "config.env")]
    lab.show("lesson", [SETUP, *panels])
    lab.page.evaluate('window.jupyterapp.commands.execute("docmanager:open", {path: "my_service/notes.txt"})')
    to_tab(lab, "lesson.ipynb")
    button(lab.widget(1), "Open file").click()
    write_in_editor(lab, "# mine\n")
    button(lab.widget(2), "Open file").click()
    expect(tab(lab, "compose.yaml")).to_be_visible()
    expect(lab.widget(2)).to_be_visible()
    assert width(lab, ".jp-Notebook") > 600
    assert width(lab, ".jp-FileEditor") > 600
    lab.screenshot("exercise-wide")
    lab.page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")  # such a page follows no file
    (workspace.service_folder() / "compose.yaml").write_text("# a cell wrote this\n")
    button(lab.widget(2), "Open file").click()
    expect(lab.page.get_by_text("# a cell wrote this")).to_be_visible()
    button(lab.widget(3), "Open file").click()
    expect(tab(lab, "config.py")).to_be_visible()
    expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("Ln 81, Col 1")
    expect(lab.page.get_by_text("def read_group")).to_be_in_viewport()
    expect(tab(lab, "compose.yaml")).to_have_count(0)
    expect(tab(lab, "start.sh")).to_be_visible()
    expect(tab(lab, "notes.txt")).to_be_visible()
    assert lab.errors == []


@pytest.mark.long
def test_an_exercise_in_the_notebook(lab: LabPage) -> None:
    """The value that cell 2 hands in is checked; reset keeps the edited cell, saved or not, and shows the starter."""
    lesson = json.loads((CHECKOUT / "notebooks" / "03_logging.ipynb").read_text())
    wanted = ("panel-logging-parse", "exercise-logging-parse")
    shown, answer = (cell for cell in lesson["cells"] if cell["id"] in wanted)
    setup = f"import json\n{SETUP.replace('01_container', '03_logging')}"
    path = write_notebook(lab.workspace, "03_logging", [setup, "".join(shown["source"])])
    small = json.loads(path.read_text())
    path.write_text(json.dumps({**small, "cells": [*small["cells"], answer]}))
    lab.open(path.stem)
    for cell in (0, 1, 2):
        lab.run_cell(cell)
    parse = widget(lab)
    expect(findings_region(parse)).to_contain_text("Not started")
    expect(button(parse, "Open file")).to_have_count(0)
    starter = lab.cell(2).locator(".cm-content").inner_text()
    lab.cell(2).locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text('task.hand_in({"lines": 1, "rows": 1, "odd": []})  # mine')
    lab.page.keyboard.press("Control+Enter")
    expect(findings_region(parse)).to_contain_text("It runs, but it is not right yet")
    button(parse, "Reset").click()
    button(parse, "Yes, reset it").click()
    expect(lab.cell(2).locator(".cm-content")).not_to_contain_text("# mine")
    assert lab.cell(2).locator(".cm-content").inner_text() == starter
    assert any("# mine" in kept.read_text() for kept in lab.workspace.folder.glob("kept/**/03_logging.ipynb"))
    expect(lab.widget(1).get_by_role("status")).to_contain_text("is back at its start")
    assert lab.errors == []
