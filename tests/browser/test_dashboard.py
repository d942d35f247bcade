"""The dashboard in JupyterLab: it pauses, obeys the keyboard, and ends as a picture."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage, button

pytestmark = pytest.mark.long

SETUP = """from tests.workshop_kit.display.recorded import Recorded
from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.live import LiveOutputs
screens, recorded = LiveOutputs(), Recorded()"""
SHOW = 'board = Dashboard(recorded, recorded.faults, title="Two copies").show(screens);'


def board(lab: LabPage) -> Locator:
    """The widget."""
    return lab.widget(1)


def picture(lab: LabPage) -> Locator:
    """The picture inside the widget."""
    return board(lab).locator("img")


def press(lab: LabPage, name: str) -> None:
    """Press a button by keyboard."""
    button(board(lab), name).focus()
    lab.page.keyboard.press("Enter")


def test_it_pauses_and_stops(lab: LabPage) -> None:
    """By keyboard: Pause holds a moment, the boxes choose, Stop leaves a picture."""
    lab.show("dashboard", [SETUP, SHOW])
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"))
    assert "Fault pause redis from" in board(lab).aria_snapshot()
    lab.screenshot("dashboard", lab.cell(1))
    hold(lab)
    choose(lab)
    press(lab, "Stop")
    ended = lab.output(1).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"))
    expect(ended.locator("img")).to_have_attribute("alt", re.compile("Fault pause redis"))
    expect(board(lab)).to_have_count(0)
    ended.locator("summary", has_text="Events").click()
    expect(ended).to_contain_text("137")
    assert lab.errors == []


def hold(lab: LabPage) -> None:
    """The picture stands still until Resume goes on with now."""
    press(lab, "Pause")
    status = board(lab).get_by_role("status")
    expect(status).to_contain_text("Paused at")
    moment = re.compile(f"until {re.findall(r'[0-9:]{8}', status.inner_text())[0]} UTC")
    expect(picture(lab)).to_have_attribute("alt", moment)
    press(lab, "Resume")
    expect(status).to_have_text("Live")
    expect(picture(lab)).not_to_have_attribute("alt", moment)


def choose(lab: LabPage) -> None:
    """Choose a time and a container; no cell is inserted, and a name with markup stays text."""
    time_box, container_box = (board(lab).get_by_role("combobox", name=name) for name in ("Time", "Container"))
    expect(time_box).to_have_value("120")
    cells = lab.cell_count()
    time_box.focus()
    for key in ("b", "ArrowDown"):
        lab.page.keyboard.press(key)
    expect(picture(lab)).to_have_attribute("alt", re.compile(", 600 seconds until"))
    container_box.select_option("<b>naive</b>")
    expect(picture(lab)).to_have_attribute("alt", re.compile("Two copies: <b>naive</b>"))
    assert lab.output(1).locator("b").count() == 0
    assert lab.cell_count() == cells
