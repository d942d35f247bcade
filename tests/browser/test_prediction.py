"""Predictions in a real JupyterLab: clicked, typed, reloaded, and read by a screen reader."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import LabPage, brightness
from workshop_kit.learn.progress import Progress

pytestmark = pytest.mark.browser

SOURCES = [
    'from workshop_kit.show.map import system_map\nsystem_map({"clients", "service", "master-db"})',
    "import os\nfrom pathlib import Path\n"
    "from workshop_kit.learn.predictions import predict\nfrom workshop_kit.learn.progress import Progress\n"
    'progress = Progress(Path(os.environ["WORKSHOP_WORKSPACE"], "progress.json"))\n'
    'guess = predict("test.db", "The database is <b>gone</b>: what does health say?",\n'
    '    {"green": "200 & healthy", "red": "503 <i>unhealthy</i>", "hang": "Nothing, it hangs"}, progress=progress)',
    'guess.reveal("green")',
    "import time\ntime.sleep(20)",
]


@pytest.fixture(autouse=True)
def untouched(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """Every test begins with a notebook that was never run and no guess."""
    lab.workspace.progress_path.unlink(missing_ok=True)
    write_notebook("prediction", SOURCES)
    lab.open("prediction")
    for cell in (0, 1):
        lab.run_cell(cell)
    expect(question(lab)).to_be_visible()


def question(lab: LabPage) -> Locator:
    """The widget, not its static twin."""
    return lab.output(1).locator(".wk-live")


def answer(lab: LabPage, text: str) -> Locator:
    """The button with an answer."""
    return question(lab).get_by_role("button", name=text)


def locked_in(lab: LabPage) -> str | None:
    """What the progress file says."""
    guess = Progress(lab.workspace.progress_path).guess("test.db")
    return guess.choice if guess else None


def test_one_click_locks_and_a_reload_keeps_it(lab: LabPage) -> None:
    """A guess is locked by its first click; neither a second click nor a reload of the page changes it."""
    expect(lab.output(1).locator(".wk-static")).to_be_hidden()
    answer(lab, "503").click()
    expect(question(lab).get_by_role("status")).to_contain_text("Locked: 503 <i>unhealthy</i>")
    answer(lab, "hangs").click(force=True)
    lab.screenshot("prediction-locked", lab.cell(1))
    lab.save()
    lab.reload()
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    expect(answer(lab, "hangs")).to_have_attribute("aria-pressed", "false")
    assert locked_in(lab) == "red"
    assert lab.errors == []


def test_rerun_shows_the_locked_guess(lab: LabPage) -> None:
    """A cell that is run again asks nothing: it shows the guess that counts."""
    answer(lab, "503").click()
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    lab.run_cell(1)
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    expect(question(lab)).to_have_count(1)


def test_keys_move_and_lock_but_never_insert_a_cell(lab: LabPage) -> None:
    """Arrows move, Enter locks, and a notebook shortcut (b) typed on an answer does nothing."""
    answer(lab, "200").focus()
    before = lab.cell_count()
    for key in ("b", "a", "ArrowDown", "ArrowDown", "d", "d"):
        lab.page.keyboard.press(key)
    expect(answer(lab, "hangs")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(answer(lab, "hangs")).to_have_attribute("aria-pressed", "true")
    expect(answer(lab, "hangs")).to_be_focused()
    assert lab.cell_count() == before
    assert locked_in(lab) == "hang"


def test_answers_while_a_cell_runs(lab: LabPage) -> None:
    """A click is answered while another cell keeps the kernel busy."""
    lab.run_cell(3, wait=False)
    running = lab.cell(3).locator(".jp-InputPrompt")
    expect(running).to_have_text("[*]:")
    answer(lab, "200").click()
    expect(answer(lab, "200")).to_have_attribute("aria-pressed", "true", timeout=8_000)
    expect(running).to_have_text("[*]:")


def test_screen_reader_hears_question_answers_and_state(lab: LabPage) -> None:
    """The question names the group, every answer is a named button with a state, the status is live."""
    heard = question(lab).aria_snapshot()
    assert 'group "The database is <b>gone</b>: what does health say?"' in heard
    assert 'button "200 & healthy"' in heard
    assert "status: One click locks your guess" in heard
    expect(question(lab).get_by_role("status")).to_have_attribute("aria-live", "polite")


def test_reveal_says_both(lab: LabPage) -> None:
    """After the experiment the page says what was said and what it did, and the question shows it, too."""
    answer(lab, "503").click()
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    lab.run_cell(2)
    expect(lab.output(2)).to_contain_text(re.compile(r"You said\s*503 <i>unhealthy</i>\s*It did\s*200 & healthy"))
    expect(answer(lab, "200")).to_contain_text("what it did")
    lab.screenshot("prediction-revealed")


def test_no_guess_is_said_kindly(lab: LabPage) -> None:
    """Whoever did not guess is told so without blame, and cannot guess afterwards."""
    lab.run_cell(2)
    expect(lab.output(2)).to_contain_text("(you did not guess)")
    answer(lab, "200").click(force=True)
    lab.page.wait_for_timeout(500)
    assert locked_in(lab) is None


def test_reopened_without_a_kernel_the_page_is_not_empty(lab: LabPage) -> None:
    """A notebook that is opened again with a new kernel shows the question and the locked guess as text."""
    answer(lab, "503").click()
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    lab.save()
    lab.menu("Kernel", "Restart Kernel…")
    lab.page.get_by_role("button", name="Confirm Kernel Restart").click()
    lab.wait_until_idle()
    lab.reload()
    expect(lab.output(1).locator(".wk-static")).to_be_visible()
    expect(lab.output(1).locator(".wk-static [data-mine=true]")).to_contain_text("503")
    failed = lab.output(1).get_by_text("Error displaying widget")
    expect(failed).to_have_count(1)
    expect(failed).to_be_hidden()
    lab.screenshot("prediction-reopened", lab.cell(1))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_themes(lab: LabPage, dark: bool) -> None:
    """Map and prediction follow JupyterLab's theme: dark paper in the dark theme, light in the light one."""
    lab.theme(dark=dark)
    picture = lab.output(0).get_by_role("img", name=re.compile("Map of the whole system; in this lesson: You"))
    expect(picture).to_be_visible()
    for target in (question(lab), picture.locator("rect").nth(1)):
        assert (brightness(target) < 128) == dark
    lab.screenshot(f"map-{'dark' if dark else 'light'}")
