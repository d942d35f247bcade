"""The live chart in JupyterLab: it moves, outlives a reload, and stops by keyboard."""

from __future__ import annotations

import re

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]

SETUP = """import time
import pandas as pd
from workshop_kit.display.live import LiveChart, Panel, Screens
screens = Screens()
began = time.time()
def source():
    at = [began - 30 + n for n in range(int(time.time() - began) + 31)]
    return pd.DataFrame({"time": at, "load": [50 + 30 * (n % 7) / 7 for n in range(len(at))]})
panels = [Panel(title, "%", {"load": "a <b>load</b>"}) for title in ("One", "Two")]"""
SHOW = 'LiveChart(source, panels, "Two loads", stop_after_seconds=300).show(screens);'
COUNT = (
    "import threading\nprint('threads:', [t.name for t in threading.enumerate()].count('live chart: Two loads'), '.')"
)
BUSY = "time.sleep(60)"
SOURCES = [SETUP, SHOW, COUNT, BUSY]


def chart(lab: LabPage) -> Locator:
    """The widget."""
    return lab.output(1).locator(".wk-live-chart")


def picture(lab: LabPage) -> Locator:
    """The picture inside the widget."""
    return chart(lab).locator("img")


def test_it_moves_goes_on_after_a_reload_and_is_stopped(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """Decoded frames with their values as text; one thread; Stop by keyboard, while a cell runs, leaves the data."""
    write_notebook("live", SOURCES)
    lab.open("live")
    for cell in (0, 1):
        lab.run_cell(cell)
    moves(lab)
    heard = chart(lab).aria_snapshot()
    assert 'img "Two loads, the last 60 seconds. One: a <b>load</b> now' in heard
    assert "status: Live" in heard
    lab.save()
    lab.reload()
    moves(lab)
    for cell in (1, 2):
        lab.run_cell(cell)
    expect(lab.output(2)).to_contain_text("threads: 1 .")
    lab.run_cell(3, wait=False)
    prompt = lab.cell(3).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text("[*]:")
    cells = lab.cell_count()
    chart(lab).get_by_role("button", name="Stop").focus()
    for key in ("b", "a", "d", "d", "Enter"):  # only the last one may do anything
        lab.page.keyboard.press(key)
    ended = lab.output(1).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"))
    expect(ended.locator("img")).to_have_attribute("alt", re.compile("Two loads"))
    expect(chart(lab)).to_have_count(0)
    expect(prompt).to_have_text("[*]:")
    ended.locator("summary").click()
    expect(ended.locator("table")).to_contain_text("load")
    lab.screenshot("live-ended", lab.cell(1))
    assert lab.cell_count() == cells
    lab.save()
    exported(lab)
    assert lab.errors == []


def exported(lab: LabPage) -> None:
    """Assert that the chart is a picture with its values in the exported page."""
    notebook = lab.workspace.notebooks / "live.ipynb"
    html, _ = HTMLExporter().from_filename(str(notebook))  # type: ignore[no-untyped-call]
    chart = re.search(r'<img[^>]+alt="Two loads[^"]*"[^>]*>.*?</table>', html, re.DOTALL)
    assert chart is not None
    assert 'src="data:image/png;base64,' in chart[0]
    assert "<td>50" in chart[0]


def moves(lab: LabPage) -> None:
    """Wait for a frame and for another one; it was decoded before it was shown."""
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"))
    first = str(picture(lab).get_attribute("src"))
    expect(picture(lab)).not_to_have_attribute("src", first)
    assert picture(lab).evaluate("img => img.naturalWidth > 0")
