"""The dashboard in a real JupyterLab: it moves, is looked back on, chosen from by keyboard, and ends as a picture."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WriteNotebook
from tests.browser.lab_page import SCREENSHOTS, WAIT_MS, LabPage

pytestmark = pytest.mark.browser

SETUP = """import threading, time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from workshop_kit.observe import events, stats
from workshop_kit.observe.watching import Tables
from workshop_kit.observe.watching.health import Health
from workshop_kit.observe.watching.tables import frame, with_cpu_limits
from workshop_kit.observe.watching.traffic import Traffic
from workshop_kit.show.dashboard import Dashboard
from workshop_kit.show.live import Screens
screens, began, asked = Screens(), datetime.now(UTC) - timedelta(seconds=150), []
at = lambda seconds: began + timedelta(seconds=seconds)
faults = [SimpleNamespace(fault="pause", target="redis", started=at(100), ended=at(125))]
happened = [events.Event(at(113), "redis", "r", "health_status", "unhealthy"),
            events.Event(at(60), "service", "s", "oom"), events.Event(at(60.2), "service", "s", "die", "", 137),
            events.Event(at(64), "service", "s", "start")]"""
WATCHER = """class Recorded:
    names = ("service", "<b>naive</b>")
    def tables(self, container=None, *, seconds=None):
        asked.append(seconds)
        requests, usage, health = [], [], []
        for n in range(int((datetime.now(UTC) - began).total_seconds())):
            bad, dead = 100 <= n < 125, 60 <= n < 64
            took = (800, 2000, 2300) if bad else (4, 12, 31 + n % 9)
            counted = (20 + n % 3, 12 if bad else 0, n % 2, 60 if bad else 0, *took)
            requests.append(Traffic(at(n), container, "no answer" if dead else "ok", *(() if dead else counted)))
            used = () if dead else (28 + n % 9, 0, 0, (60 + n % 70) * 2**20, 2**28)
            usage.append(stats.Usage(at(n), container, "stopped" if dead else "running", *used))
            for what in ("/livez", "/readyz", "/health", "master-db", "redis"):
                hit = bad and what not in ("/livez", "master-db")
                state = "fail" if hit else "warn" if what == "/health" and n < 50 else "pass"
                health.append(Health(at(n), container, what, "no answer" if dead else state))
        limits = {container: [(began, 50.0)]}
        return Tables(frame(Traffic, requests), with_cpu_limits(stats.frame(usage), limits),
                      frame(Health, health), events.frame(happened))"""
SHOW = 'board = Dashboard(Recorded(), lambda: faults, title="Two copies").show(screens);'
COUNT = "before = len(asked); time.sleep(3); print('gathered', len(asked) > before, threading.active_count() < 30)"
SOURCES = [SETUP, WATCHER, SHOW, COUNT]


@pytest.fixture(autouse=True)
def shown(lab: LabPage, write_notebook: WriteNotebook) -> None:
    """Every test begins with a dashboard that has drawn its first picture."""
    write_notebook("dashboard", SOURCES)
    lab.open("dashboard")
    for cell in (0, 1, 2):
        lab.run_cell(cell)
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"), timeout=WAIT_MS)


def board(lab: LabPage) -> Locator:
    """The widget."""
    return lab.output(2).locator(".wk-live-chart")


def picture(lab: LabPage) -> Locator:
    """The picture inside the widget."""
    return board(lab).locator("img")


def press(lab: LabPage, name: str) -> None:
    """Press a button by keyboard: every one can be reached and has a name."""
    board(lab).get_by_role("button", name=name, exact=True).focus()
    lab.page.keyboard.press("Enter")


def test_it_is_heard_and_follows_the_theme(lab: LabPage) -> None:
    """The text says what the picture shows: values, the fault, events, states; dark is dark."""
    heard = board(lab).aria_snapshot()
    assert "Two copies: service" in heard
    assert "Fault pause redis from" in heard
    assert "service out of memory at" in heard
    assert "redis: " in heard
    assert 'combobox "Container"' in heard
    assert 'combobox "Time"' in heard
    lab.screenshot("dashboard-light", lab.cell(2))
    lab.theme(dark=True)
    expect(picture(lab)).to_have_css("filter", re.compile("invert"), timeout=WAIT_MS)
    lab.screenshot("dashboard-dark", lab.cell(2))
    assert lab.errors == []


def held_still(lab: LabPage, seconds: float = 3) -> str:
    """The picture's source, once it has been the same for a while: one may still have been on its way."""
    seen, since, deadline = "", time.monotonic(), time.monotonic() + WAIT_MS / 1000
    while time.monotonic() - since < seconds:
        assert time.monotonic() < deadline, "it does not stand still"
        if (source := str(picture(lab).get_attribute("src"))) != seen:
            seen, since = source, time.monotonic()
        lab.page.wait_for_timeout(100)
    return seen


def test_pausing_stops_the_picture_and_nothing_else(lab: LabPage) -> None:
    """Paused, the picture stands still and says so, Earlier and Later move through time; Resume goes back to now."""
    assert board(lab).get_by_role("button", name="Earlier").count() == 0
    press(lab, "Pause")
    expect(board(lab).get_by_role("status")).to_contain_text("Paused at", timeout=WAIT_MS)
    moment = re.findall(r"[\d:]{8}", board(lab).get_by_role("status").inner_text())[0]
    expect(picture(lab)).to_have_attribute("alt", re.compile(f"until {moment} UTC"), timeout=WAIT_MS)
    still = held_still(lab)
    lab.page.wait_for_timeout(7000)  # longer than silence may last before the kernel is taken to be dead
    assert picture(lab).get_attribute("src") == still
    assert board(lab).get_attribute("data-stale") == "false"
    press(lab, "Earlier")
    expect(picture(lab)).not_to_have_attribute("src", str(still), timeout=WAIT_MS)
    expect(picture(lab)).to_have_attribute("alt", re.compile("service ended"), timeout=WAIT_MS)
    lab.screenshot("dashboard-paused", lab.cell(2))
    earlier = picture(lab).get_attribute("src")
    press(lab, "Later")
    expect(picture(lab)).not_to_have_attribute("src", str(earlier), timeout=WAIT_MS)
    press(lab, "Resume")
    expect(board(lab).get_by_role("status")).to_have_text("Live", timeout=WAIT_MS)
    moving = picture(lab).get_attribute("src")
    expect(picture(lab)).not_to_have_attribute("src", str(moving), timeout=WAIT_MS)
    assert lab.errors == []


def test_time_and_container_are_chosen_by_keyboard(lab: LabPage) -> None:
    """Arrow keys in a box choose, and insert no cell; a name with markup stays text; F5 keeps what was chosen."""
    time_box, container_box = (board(lab).get_by_role("combobox", name=name) for name in ("Time", "Container"))
    expect(time_box).to_have_value("120", timeout=WAIT_MS)
    cells = lab.cell_count()
    time_box.focus()
    lab.page.keyboard.press("ArrowDown")
    expect(picture(lab)).to_have_attribute("alt", re.compile(", 600 seconds until"), timeout=WAIT_MS)
    lab.screenshot("dashboard-ten-minutes", lab.cell(2))
    container_box.select_option("<b>naive</b>")
    expect(picture(lab)).to_have_attribute("alt", re.compile("Two copies: <b>naive</b>"), timeout=WAIT_MS)
    assert lab.output(2).locator("b").count() == 0
    assert lab.cell_count() == cells
    lab.save()
    lab.reload()
    expect(board(lab).get_by_role("combobox", name="Time")).to_have_value("600", timeout=WAIT_MS)
    assert lab.errors == []


def test_its_end_and_its_export_are_a_picture_with_the_data(lab: LabPage, tmp_path: Path) -> None:
    """Stop leaves a picture of the whole time and folded tables; so does the page that nbconvert makes of it."""
    press(lab, "Stop")
    ended = lab.output(2).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"), timeout=WAIT_MS)
    expect(board(lab)).to_have_count(0, timeout=WAIT_MS)
    lab.save()
    notebook = lab.workspace.notebooks / "dashboard.ipynb"
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path), str(notebook)]
    subprocess.run(convert, check=True, capture_output=True)
    page = lab.page.context.browser.new_page(viewport={"width": 1280, "height": 900})  # type: ignore[union-attr]
    page.goto((tmp_path / "dashboard.html").as_uri())
    _looks_whole(page)
    page.close()
    assert lab.errors == []


def _looks_whole(page: Page) -> None:
    exported = page.locator(".wk-picture")
    expect(exported.locator("img")).to_have_attribute("alt", re.compile("Fault pause redis"), timeout=WAIT_MS)
    for name in ("Requests", "Resources", "Health", "Events", "Faults"):
        exported.locator("summary", has_text=name).click()
    expect(exported).to_contain_text("137", timeout=WAIT_MS)
    page.screenshot(path=SCREENSHOTS / "dashboard-exported.png", full_page=True)
