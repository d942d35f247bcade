"""The live figure in JupyterLab: it moves while the kernel lives, and ends as a picture."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.long

SETUP = """from tests.workshop_kit.display.recorded import recorded_now
from workshop_kit.display.live_figure import LiveFigure"""
SHOW = 'figure = LiveFigure("Live", recorded_now).show()'


def test_it_moves_and_ends_as_a_picture(lab: LabPage) -> None:
    """A second picture follows the first; `stop` leaves one in the notebook, with its text."""
    lab.show("figure", [SETUP, SHOW, "figure.stop()"], run=2)
    image = lab.widget(1).locator("img")
    expect(image).to_have_attribute("src", re.compile("^blob:"))
    former = str(image.get_attribute("src"))
    expect(image).not_to_have_attribute("src", former)
    expect(lab.widget(1).get_by_role("status")).to_have_text("Live")
    for dark in (True, False):
        lab.theme(dark=dark)
        lab.screenshot(f"live-figure-{'dark' if dark else 'light'}", lab.cell(1))

    lab.run_cell(2)
    ended = lab.output(1).locator("img")
    expect(ended).to_have_attribute("src", re.compile("^data:image/png"))
    expect(ended).to_have_attribute("alt", re.compile("pause redis from"))
    assert lab.errors == []
