"""An exercise in a real JupyterLab: checked in a real container, hinted at, edited, passed; by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import SCREENSHOTS, WAIT_MS, LabPage
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(300)]

STARTER = "import time\nprint('working', flush=True)\ntime.sleep(60)\n"
SOLVED = (
    "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))\n"
    "print('working', flush=True)\ntime.sleep(60)\n"
)
SOURCES = [
    "from tests.browser.small_desk import panel\npanel.show()",
    "import time\ntime.sleep(20)",
]
NO_ANSWER = "No answer from the kernel: run this cell again."
FILE = "exercises/01_container/worker.py"


@pytest.fixture(autouse=True)
def panel(lab: LabPage, write_notebook: WriteNotebook) -> Iterator[None]:
    """Every test begins with the starter, in a notebook whose first cell was run; no container is left behind."""
    file = lab.workspace.folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STARTER)
    write_notebook("exercise", SOURCES)
    lab.open("exercise")
    lab.run_cell(0)
    expect(exercise(lab)).to_be_visible()
    yield
    session = ready.session_of(lab.workspace, reach.connect())
    assert cleanup.remove(session, {"kernel"}).left == []


def exercise(lab: LabPage) -> Locator:
    """The widget, not its static twin."""
    return lab.output(0).locator(".wk-live")


def button(lab: LabPage, name: str | re.Pattern[str]) -> Locator:
    """A button of the panel, by its name."""
    return exercise(lab).get_by_role("button", name=name)


def found(lab: LabPage) -> Locator:
    """Where the check says what it found."""
    return exercise(lab).get_by_role("region", name="What the check found")


def write_in_editor(lab: LabPage, text: str) -> None:
    """Open the file by the panel's button and type over all that is in it, without saving."""
    button(lab, "Open file").click()
    editor = lab.page.locator(".jp-FileEditor .cm-content")
    editor.click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(text)
    expect(lab.page.locator(".jp-mod-dirty.jp-mod-current", has_text="worker.py")).to_be_visible()


def test_keys_press_and_never_reach_the_notebook(lab: LabPage) -> None:
    """Tab reaches every button, Enter and Space press, and what is a notebook shortcut elsewhere is none here."""
    before = lab.cell_count()
    button(lab, "Check").focus()
    for name in ("Hint 1 of 3", "Show solution", "Reset", f"Open file {FILE}"):
        lab.page.keyboard.press("Tab")
        expect(button(lab, name)).to_be_focused()
        for key in ("b", "a", "d", "d"):
            lab.page.keyboard.press(key)
    for name in ("Reset", "Show solution", "Hint 1 of 3"):
        lab.page.keyboard.press("Shift+Tab")
        expect(button(lab, name)).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(button(lab, "Hint 2 of 3")).to_be_focused()
    lab.page.keyboard.press("Shift+Tab")
    lab.page.keyboard.press("Space")
    expect(button(lab, "Check")).to_have_attribute("aria-disabled", "true")
    expect(button(lab, "Check")).to_be_focused()
    expect(found(lab)).to_contain_text("Not started", timeout=WAIT_MS)
    expect(button(lab, "Check")).to_be_focused()
    assert lab.cell_count() == before
    assert lab.errors == []


def test_answers_while_a_cell_runs(lab: LabPage) -> None:
    """Check and hint are answered while another cell keeps the kernel busy, and while the check itself runs."""
    lab.run_cell(1, wait=False)
    running = lab.cell(1).locator(".jp-InputPrompt")
    expect(running).to_have_text("[*]:")
    button(lab, "Check").click()
    expect(exercise(lab).get_by_role("progressbar")).to_be_visible()
    button(lab, "Hint 1 of 3").click()
    expect(exercise(lab)).to_contain_text("Compare the exit code")
    expect(exercise(lab).get_by_role("progressbar")).to_be_visible()
    expect(found(lab)).to_contain_text("Not started", timeout=15_000)
    expect(running).to_have_text("[*]:")


def test_the_solution_is_shown_at_the_second_asking(lab: LabPage) -> None:
    """Before it passed a click asks back, with the focus on the harmless answer; Escape goes back to where one was."""
    button(lab, "Show solution").click()
    expect(button(lab, "Not yet")).to_be_focused()
    lab.screenshot("exercise-asks", lab.cell(0))
    lab.page.keyboard.press("Escape")
    expect(button(lab, "Show solution")).to_be_focused()
    expect(button(lab, "Not yet")).to_have_count(0)
    lab.page.keyboard.press("Enter")
    button(lab, "Show me anyway").click()
    expect(exercise(lab)).to_contain_text("signal.signal(signal.SIGTERM")


def test_reset_asks_keeps_and_shows(lab: LabPage) -> None:
    """Reset asks first; then the starter is back, also in the open editor, and what was typed is kept and named."""
    write_in_editor(lab, SOLVED)
    button(lab, "Reset").click()
    button(lab, "Keep mine").click()
    expect(button(lab, "Reset")).to_be_focused()
    button(lab, "Reset").click()
    button(lab, "Yes, reset it").click()
    expect(exercise(lab).get_by_role("status")).to_contain_text("kept as worker.mine.py")
    expect(lab.page.locator(".jp-FileEditor .cm-content")).not_to_contain_text("signal")
    file = lab.workspace.folder / FILE
    assert (file.read_text(), file.with_suffix(".mine.py").read_text()) == (STARTER, SOLVED)


def test_a_reload_keeps_it_and_a_dead_kernel_is_said(lab: LabPage) -> None:
    """F5 changes nothing; without its kernel the panel says so; opened anew it is text, without an error."""
    button(lab, "Hint 1 of 3").click()
    button(lab, "Check").click()
    expect(found(lab)).to_contain_text("Not started", timeout=WAIT_MS)
    lab.save()
    lab.reload()
    expect(found(lab)).to_contain_text("exit code 137")
    expect(button(lab, "Hint 2 of 3")).to_be_visible()
    button(lab, "Hint 2 of 3").click()
    expect(exercise(lab)).to_contain_text("PID 1 ignores")
    lab.save()
    lab.menu("Kernel", "Restart Kernel…")
    lab.page.get_by_role("button", name="Confirm Kernel Restart").click()
    lab.wait_until_idle()
    button(lab, "Check").click()
    expect(exercise(lab).get_by_role("status")).to_have_text(NO_ANSWER, timeout=20_000)
    lab.screenshot("exercise-no-kernel", lab.cell(0))
    lab.reload()
    twin = lab.output(0).locator(".wk-static")
    expect(twin).to_be_visible()
    expect(twin).to_contain_text("exit code 137")
    expect(twin).to_contain_text("PID 1 ignores")
    expect(lab.output(0).get_by_text("Error displaying widget")).to_be_hidden()
    lab.screenshot("exercise-reopened", lab.cell(0))
    assert lab.errors == []


def test_the_exported_page_has_it_as_text(lab: LabPage) -> None:
    """In exported HTML the panel is read without a kernel: task, verdict, cards, hints."""
    button(lab, "Hint 1 of 3").click()
    button(lab, "Check").click()
    expect(found(lab)).to_contain_text("Not started", timeout=WAIT_MS)
    lab.save()
    html, _ = HTMLExporter().from_filename(str(lab.workspace.notebooks / "exercise.ipynb"))  # type: ignore[no-untyped-call]
    browser = lab.page.context.browser
    assert browser is not None
    exported = browser.new_page()
    exported.set_content(html, wait_until="domcontentloaded")
    page = exported.locator(".wk-static")
    for text in ("Make it end by itself", "Not started", "exit code 137", "Compare the exit code"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(exported.get_by_text("ExerciseWidget")).to_have_count(0)
    exported.locator(".jp-Cell").first.screenshot(path=SCREENSHOTS / "exercise-exported.png")
    exported.close()


def test_a_screen_reader_hears_what_it_is_and_what_it_found(lab: LabPage) -> None:
    """The title names the group, buttons and progress have names, results and hints are announced when they come."""
    heard = exercise(lab).aria_snapshot()
    for line in (
        'group "Make it stop gracefully, and in time"',
        'group "What to do"',
        'button "Check"',
        'button "Hint 1 of 3"',
        f'button "Open file {FILE}"',
        'region "What the check found"',
    ):
        assert line in heard
    button(lab, "Check").click()
    expect(exercise(lab).get_by_role("progressbar", name="Checking container.graceful")).to_be_visible()
    expect(found(lab)).to_contain_text("Not started", timeout=WAIT_MS)
    expect(found(lab)).to_have_attribute("aria-live", "polite")
    heard = found(lab).aria_snapshot()
    for line in ('img "not as expected"', 'img "as expected"', "definition: exit code 137", "Not started: this is"):
        assert line in heard
