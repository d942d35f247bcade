"""The live chart in a real JupyterLab: it moves, follows the theme, stops by keyboard, says when its kernel is gone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser

SETUP = """import time
import pandas as pd
from workshop_kit.show.live import LiveChart, Panel, Screens
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
BUSY = "time.sleep(20)"
SOURCES = [SETUP, SHOW, COUNT, BUSY]
FRAME = "img => img.src"
SHOWN = "img => img.naturalWidth > 0"
PIXEL = "img => getComputedStyle(img).filter"


@pytest.fixture(autouse=True)
def shown(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """Every test begins with a chart that has drawn its first frame."""
    write_notebook("live", SOURCES)
    lab.open("live")
    for cell in (0, 1):
        lab.run_cell(cell)
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"))


def chart(lab: LabPage) -> Locator:
    """The widget."""
    return lab.output(1).locator(".wk-live-chart")


def picture(lab: LabPage) -> Locator:
    """The picture inside the widget."""
    return chart(lab).locator("img")


def test_it_moves_is_heard_and_follows_the_theme(lab: LabPage) -> None:
    """New frames come; every one is decoded before it is shown; the alt text tells the values; dark is dark."""
    first = picture(lab).evaluate(FRAME)
    expect(picture(lab)).not_to_have_attribute("src", first)
    assert picture(lab).evaluate(SHOWN)
    heard = chart(lab).aria_snapshot()
    assert 'img "Two loads, the last 60 seconds. One: a <b>load</b> now' in heard
    assert 'button "Stop"' in heard
    assert "status: Live" in heard
    assert picture(lab).evaluate(PIXEL) == "none"
    lab.screenshot("live-light", lab.cell(1))
    lab.theme(dark=True)
    expect(picture(lab)).to_have_css("filter", re.compile("invert"))
    lab.screenshot("live-dark", lab.cell(1))
    assert lab.errors == []


def test_a_rerun_leaves_one_thread(lab: LabPage) -> None:
    """However often the cell is run, one thread draws."""
    for _ in range(3):
        lab.run_cell(1)
    lab.run_cell(2)
    expect(lab.output(2)).to_contain_text("threads: 1 .")


def test_stop_by_keyboard_leaves_a_picture_and_the_data(lab: LabPage) -> None:
    """Shortcuts typed on Stop insert no cell; Enter ends the chart, and a static picture with the data stays."""
    stop = chart(lab).get_by_role("button", name="Stop")
    stop.focus()
    before = lab.cell_count()
    for key in ("b", "a", "d", "d"):
        lab.page.keyboard.press(key)
    assert lab.cell_count() == before
    lab.page.keyboard.press("Enter")
    ended = lab.output(1).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"))
    expect(ended.locator("img")).to_have_attribute("alt", re.compile("Two loads"))
    expect(chart(lab)).to_have_count(0)
    ended.locator("summary").click()
    expect(ended.locator("table")).to_contain_text("load")
    lab.screenshot("live-ended", lab.cell(1))
    assert lab.errors == []


def test_stop_works_while_a_cell_is_busy(lab: LabPage) -> None:
    """The chart ends within the cell that blocks the kernel, not after it."""
    lab.run_cell(3, wait=False)
    prompt = lab.cell(3).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text("[*]:")
    chart(lab).get_by_role("button", name="Stop").click()
    ended = lab.output(1).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"), timeout=15_000)
    expect(prompt).to_have_text("[*]:")
    assert lab.errors == []


def test_a_reloaded_page_has_the_chart_go_on(lab: LabPage) -> None:
    """After F5 the frames come again, one thread draws, and Stop still ends it."""
    lab.save()
    lab.reload()
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"))
    first = picture(lab).evaluate(FRAME)
    expect(picture(lab)).not_to_have_attribute("src", first)
    lab.run_cell(2)
    expect(lab.output(2)).to_contain_text("threads: 1 .")
    chart(lab).get_by_role("button", name="Stop").click()
    expect(lab.output(1).locator(".wk-picture:not(.wk-live-chart) img")).to_have_count(1)
    assert lab.errors == []


def test_a_restarted_kernel_is_said(lab: LabPage) -> None:
    """When no frames come any more, the page says so; the last picture stays."""
    lab.menu("Kernel", "Restart Kernel…")
    lab.page.get_by_role("button", name="Confirm Kernel Restart").click()
    said = chart(lab).get_by_role("status")
    expect(said).to_contain_text("No data for 5 s (kernel stopped?)", timeout=30_000)
    expect(chart(lab)).to_have_attribute("data-stale", "true")
    lab.screenshot("live-stale", lab.cell(1))
