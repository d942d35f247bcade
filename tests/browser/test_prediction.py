"""A prediction in JupyterLab: read by a screen reader, answered by keys and mouse, kept, revealed."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage
from workshop_kit.exercises.progress import Progress

SOURCES = [
    "import os\nfrom pathlib import Path\n"
    "from workshop_kit.lessons.predictions import Prediction\nfrom workshop_kit.exercises.progress import Progress\n"
    'progress = Progress(Path(os.environ["WORKSHOP_WORKSPACE"], "progress.json"))',
    "from workshop_kit.lessons.predictions import Option, Question\n"
    'texts = {"green": "200 & healthy", "red": "503 <i>unhealthy</i>", "hang": "It hangs.", "crash": "It crashes."}\n'
    'options = {key: Option(text=text, reason=f"Why {key}: <s>so</s>.") for key, text in texts.items()}\n'
    'text = "The database is <b>gone</b>: what does health say?"\n'
    'guess = Prediction("test.db", Question(question=text, right="green", options=options), progress).show()',
    'guess.reveal("green")',
    "import time\ntime.sleep(60)",
]


def question(lab: LabPage) -> Locator:
    """The widget, not its static twin."""
    return lab.widget(1)


def answer(lab: LabPage, text: str) -> Locator:
    """The button with an answer."""
    return question(lab).get_by_role("button", name=text)


def look(row: Locator, name: str) -> str:
    """A property of the style of a row's second cell."""
    return str(row.get_by_role("cell").first.evaluate("(cell, name) => getComputedStyle(cell)[name]", name))


def test_a_guess_is_locked_kept_and_revealed(lab: LabPage) -> None:
    """One answer counts, while a cell runs too; a click, a rerun and a reload do not change it; reveal shows both."""
    lab.show("prediction", SOURCES, run=2)
    expect(question(lab).get_by_role("status")).to_have_attribute("aria-live", "polite")
    expect(lab.output(1).locator(".wk-static")).to_be_hidden()
    assert 'group "The database is <b>gone</b>: what does health say?"' in question(lab).aria_snapshot()

    lab.run_cell(3, wait=False)
    cells = lab.cell_count()
    answer(lab, "200").focus()
    for key in ("b", "a", "ArrowDown", "d", "d"):  # but for the arrow, the notebook's shortcuts: none may act
        lab.page.keyboard.press(key)
    expect(answer(lab, "503")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(question(lab).get_by_role("status")).to_contain_text("Locked: 503 <i>unhealthy</i>")
    expect(lab.prompt(3)).to_have_text("[*]:")
    assert lab.cell_count() == cells
    answer(lab, "hangs").click(force=True)
    lab.screenshot("prediction-locked", lab.cell(1))

    lab.menu("Kernel", "Interrupt Kernel")
    lab.wait_until_run(3)
    lab.run_cell(1)
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    lab.save()
    lab.reload()
    expect(answer(lab, "503")).to_have_attribute("aria-pressed", "true")
    expect(answer(lab, "hangs")).to_have_attribute("aria-pressed", "false")
    guess = Progress(lab.workspace.progress_path).guess("test.db")
    assert guess is not None
    assert guess.choice == "red"

    lab.run_cell(2)
    assert_revealed(lab)
    lab.screenshot("prediction-revealed", lab.cell(1))
    lab.screenshot("prediction-table", lab.output(2))
    assert lab.errors == []


def assert_revealed(lab: LabPage) -> None:
    """What was guessed and what happened are marked, in the question and in the table, each in a look of its own."""
    expect(lab.output(2)).to_contain_text(re.compile(r"What happened\s*200 & healthy.*You said\s*503 <i>unhealthy</i>"))
    expect(answer(lab, "200")).to_contain_text("what happened")
    for key in ("green", "red", "hang", "crash"):
        expect(lab.output(2)).to_contain_text(f"Why {key}: <s>so</s>.")
    row = lab.output(2).get_by_role("row").filter(has_text="What happened")
    guess_row = lab.output(2).get_by_role("row").filter(has_text="You said")
    for looks in ("background-color", "font-weight"):
        assert look(row, looks) != look(guess_row, looks)
