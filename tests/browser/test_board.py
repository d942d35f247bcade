"""The board with its jump, and the settings form, in a real JupyterLab: by keys and mouse, in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import WAIT_MS, LabPage, brightness
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(600)]

SETUP = 'from workshop_kit.learn.lesson import lesson\nw = lesson("01_container")\nw.up()'
ID = "container.graceful"
FILE = "exercises/01_container/__main__.py"
LONG_MS = 120_000
THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@pytest.fixture(scope="module", autouse=True)
def nothing_left(workspace: Workspace) -> Iterator[None]:
    """The stack that the tests ran on is gone afterwards."""
    yield
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def open_and_run(lab: LabPage, write: WriteNotebook, name: str, *sources: str) -> None:
    """Write a notebook, open it, and run all of it."""
    write(name, [SETUP, *sources])
    lab.open(name)
    lab.run_all()
    lab.wait_until_run(len(sources))


def widget(lab: LabPage, cell: int) -> Locator:
    """The widget below a cell, not its static twin."""
    found = lab.output(cell).locator(".wk-live")
    expect(found).to_be_visible()
    return found


def button(within: Locator, name: str) -> Locator:
    """A button, by its whole name."""
    return within.get_by_role("button", name=name, exact=True)


def tab(lab: LabPage, name: str) -> Locator:
    """A tab of JupyterLab's main area."""
    return lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=name)


@THEMES
def test_the_board_by_keys(lab: LabPage, write_notebook: WriteNotebook, dark: bool) -> None:
    """Every button has its name, the question begins at its harmless answer, and no key gets to the notebook."""
    open_and_run(lab, write_notebook, "board", "w.board()")
    lab.theme(dark=dark)
    board = widget(lab, 1)
    assert (brightness(board) < 128) == dark
    for line in (
        'group "All exercises"',
        'group "Go to the start of a lesson"',
        'button "Go to the start of 00_start"',
    ):
        assert line in board.aria_snapshot()
    cells = lab.cell_count()
    button(board, "Go to the start of 00_start").focus()
    lab.page.keyboard.press("Tab")
    expect(button(board, "Go to the start of 01_container")).to_be_focused()
    for key in ("b", "a", "d", "d"):
        lab.page.keyboard.press(key)
    lab.page.keyboard.press("Enter")
    expect(button(board, "Stay here")).to_be_focused()
    assert "Your files of this and later lessons are kept aside" in board.aria_snapshot()
    lab.screenshot(f"board-asks-{'dark' if dark else 'light'}", board)
    lab.page.keyboard.press("Escape")
    expect(button(board, "Go to the start of 01_container")).to_be_focused()
    expect(button(board, "Stay here")).to_have_count(0)
    assert lab.cell_count() == cells
    assert lab.errors == []


def test_the_board_refreshes_by_itself(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """What was passed elsewhere is on the board when it comes into view again."""
    open_and_run(lab, write_notebook, "board", "w.board()")
    row = widget(lab, 1).get_by_role("row").filter(has_text=ID)
    expect(row).to_contain_text("not started")
    Progress(lab.workspace.progress_path).record_check(ID, str(Verdict.PASSED))
    lab.save()
    lab.reload()
    expect(row).to_contain_text("✓ passed")
    lab.workspace.progress_path.unlink()
    assert lab.errors == []


def test_a_jump_from_a_lesson_shows_the_fresh_one(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """What was typed and not saved is kept aside, the notebook one sits in turns into the lesson, and it is said."""
    open_and_run(lab, write_notebook, "01_container", "w.board()", "mine = 1")
    lab.cell(2).locator(".cm-content").click()
    lab.page.keyboard.insert_text("# typed, not saved\n")
    board = widget(lab, 1)
    button(board, "Go to the start of 01_container").click()
    button(board, "Yes, go there").click()
    expect(board.get_by_role("progressbar", name="Going to the start of a lesson")).to_be_visible()
    expect(lab.page.get_by_role("heading", name=re.compile("^01 · The container"))).to_be_visible(timeout=LONG_MS)
    note = lab.page.locator(".Toastify__toast", has_text="01_container is at its start.")
    expect(note).to_contain_text(re.compile(r"is in kept/[-_0-9]+\."))
    lab.page.wait_for_timeout(500)  # the note slides in
    lab.screenshot("board-arrived")
    kept = list(lab.workspace.folder.glob("kept/*/notebooks/01_container.ipynb"))
    assert any("# typed, not saved" in path.read_text() for path in kept)
    expect(lab.page.get_by_role("button", name=re.compile("Overwrite|Revert"))).to_have_count(0)
    lab.save()
    assert lab.errors == []


def test_the_kernel_outlives_a_jump(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """A container made before is gone: a cell that uses it says so in a sentence; running its own cell again heals."""
    use = "mine.inspect()['State']['Status']"
    open_and_run(
        lab, write_notebook, "board", 'mine = w.run("mine", w.service_spec())', use, "w.board()", "mine.log_tail()"
    )
    board = widget(lab, 3)
    button(board, "Go to the start of 00_start").click()
    button(board, "Yes, go there").click()
    expect(tab(lab, "00_start.ipynb")).to_have_class(re.compile("jp-mod-current"), timeout=LONG_MS)
    lab.wait_until_idle()
    tab(lab, "board.ipynb").click()
    lab.save()
    lab.open("board")  # this tab alone; its kernel is the same
    expect(widget(lab, 3).get_by_role("status")).to_contain_text("00_start is at its start.")
    lab.screenshot("board-after", lab.cell(3))
    for cell, sentence in ((2, "is gone. Run the cell that starts it again."), (4, "Run the cell that makes it")):
        lab.run_cell(cell)
        expect(lab.output(cell)).to_contain_text(sentence)
        expect(lab.output(cell)).not_to_contain_text("Traceback")
    lab.run_cell(1)
    lab.run_cell(2)
    expect(lab.output(2)).to_contain_text("'running'")
    assert lab.errors == []


def results(form: Locator) -> Locator:
    """Where the form says what came of it."""
    return form.get_by_role("region", name="What came of it")


@THEMES
def test_the_settings_form(lab: LabPage, write_notebook: WriteNotebook, dark: bool) -> None:
    """Typed with keys alone: it names every problem; a near-miss is understood; with good settings it is ready."""
    theme = "dark" if dark else "light"
    open_and_run(lab, write_notebook, "form", "w.settings_form()")
    lab.theme(dark=dark)
    form = widget(lab, 1)
    assert (brightness(form) < 128) == dark
    cells = lab.cell_count()
    expect(form.get_by_label("MASTER_DB_HOST", exact=True)).to_have_value("master-db")
    form.get_by_label("MASTER_DB_PORT", exact=True).fill("bad")
    form.get_by_label("Another variable").fill("MASTER_DB_HOTS=db")
    form.get_by_label("MASTER_DB_HOST", exact=True).focus()
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Space")
    expect(form.get_by_label("leave it out: MASTER_DB_HOST")).to_be_checked()
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(results(form)).to_contain_text("It refused to start: exit code 1, 3 problems", timeout=WAIT_MS)
    for said in ("MASTER_DB_PORT is not a whole number", "did you mean MASTER_DB_HOST?", "MASTER_DB_HOST is not set"):
        expect(results(form)).to_contain_text(said)
    expect(results(form)).to_have_attribute("aria-live", "polite")
    heard = form.aria_snapshot()
    for line in ('textbox "MASTER_DB_PORT"', 'checkbox "leave it out: MASTER_DB_HOST"', 'button "Start it with these"'):
        assert line in heard
    lab.screenshot(f"settings-refused-{theme}", form)
    button(form, "As it is told now").click()
    form.get_by_label("HTTP_PORT", exact=True).fill("9090")
    button(form, "Start it with these").click()
    expect(form.get_by_role("progressbar")).to_be_visible()
    expect(results(form)).to_contain_text("It started: /readyz says 200", timeout=WAIT_MS)
    lab.screenshot(f"settings-ready-{theme}", form)
    assert lab.cell_count() == cells
    assert lab.errors == []


def test_the_settings_form_without_its_kernel(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """What is typed wrongly is said; the result stays on the reloaded page, and as text once the kernel is gone."""
    open_and_run(lab, write_notebook, "form", "w.settings_form()")
    form = widget(lab, 1)
    form.get_by_label("Another variable").fill("nonsense")
    lab.page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("is not of the form NAME=value")
    form.get_by_label("Another variable").fill("")
    form.get_by_label("LOG_LEVEL", exact=True).fill("loud")
    lab.page.keyboard.press("Enter")
    expect(results(form)).to_contain_text("LOG_LEVEL is not one of debug, info, warning, error", timeout=WAIT_MS)
    lab.save()
    lab.reload()
    expect(results(widget(lab, 1))).to_contain_text("exit code 1")
    form.get_by_label("MASTER_DB_PORT", exact=True).fill("bad")
    lab.page.keyboard.press("Enter")
    expect(results(form)).to_contain_text("MASTER_DB_PORT is not a whole number", timeout=WAIT_MS)
    lab.save()
    lab.menu("Kernel", "Restart Kernel…")
    lab.page.get_by_role("button", name="Confirm Kernel Restart").click()
    lab.wait_until_idle()
    button(form, "Start it with these").click()
    expect(form.get_by_role("status")).to_have_text("No answer from the kernel: run this cell again.", timeout=20_000)
    lab.reload()
    twin = lab.output(1).locator(".wk-static")
    expect(twin).to_be_visible()
    expect(twin).to_contain_text("MASTER_DB_PORT is not a whole number")
    lab.screenshot("settings-reopened", lab.cell(1))
    assert lab.errors == []


def test_it_answers_while_a_cell_runs(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """A long-running cell keeps nobody from trying settings or from looking at the board."""
    open_and_run(lab, write_notebook, "form", "w.settings_form()", "w.board()", "import time")
    lab.cell(3).locator(".cm-content").click()
    lab.page.keyboard.press("End")
    lab.page.keyboard.insert_text("; time.sleep(40)")
    lab.page.keyboard.press("Control+Enter")
    running = lab.cell(3).locator(".jp-InputPrompt").first
    expect(running).to_have_text("[*]:")
    form = widget(lab, 1)
    form.get_by_label("LOG_LEVEL", exact=True).fill("loud")
    lab.page.keyboard.press("Enter")
    expect(results(form)).to_contain_text("exit code 1", timeout=WAIT_MS)
    Progress(lab.workspace.progress_path).record_check(ID, str(Verdict.PASSED))
    row = widget(lab, 2).get_by_role("row").filter(has_text=ID)
    lab.page.set_viewport_size({"width": 1280, "height": 300})  # so that the board is out of sight, and comes back
    lab.cell(0)
    expect(row).not_to_be_in_viewport()
    lab.page.wait_for_timeout(500)  # the page's observer looks once a frame
    lab.page.set_viewport_size({"width": 1280, "height": 900})
    expect(row).to_contain_text("✓ passed")
    expect(running).to_have_text("[*]:")
    lab.workspace.progress_path.unlink()
