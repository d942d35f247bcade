"""The dashboard in JupyterLab: it moves, pauses, goes back in time, obeys the keyboard, and ends as a picture."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage, button

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SETUP = """from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from workshop_kit.observe import events, stats
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.scraper import Health
from workshop_kit.observe.watch.tables import frame, with_cpu_limits
from workshop_kit.observe.watch.traffic import Traffic
from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.live import Screens
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


@pytest.fixture(autouse=True)
def shown(lab: LabPage) -> None:
    """Every test begins with a dashboard that has drawn its first picture."""
    lab.show("dashboard", [SETUP, WATCHER, SHOW])
    expect(picture(lab)).to_have_attribute("src", re.compile("^blob:"))


def board(lab: LabPage) -> Locator:
    """The widget."""
    return lab.widget(2)


def picture(lab: LabPage) -> Locator:
    """The picture inside the widget."""
    return board(lab).locator("img")


def press(lab: LabPage, name: str) -> None:
    """Press a button by keyboard."""
    button(board(lab), name).focus()
    lab.page.keyboard.press("Enter")


@pytest.mark.long
def test_it_pauses_goes_back_in_time_and_stops(lab: LabPage) -> None:
    """By keyboard: Pause holds a moment, Earlier and Later move in time, the boxes choose, Stop leaves a picture."""
    hears(lab)
    lab.screenshot("dashboard", lab.cell(2))
    look_back(lab)
    choose(lab)
    press(lab, "Stop")
    ended = lab.output(2).locator(".wk-picture:not(.wk-live-chart)")
    expect(ended.locator("img")).to_have_attribute("src", re.compile("^data:image/png"))
    expect(ended.locator("img")).to_have_attribute("alt", re.compile("Fault pause redis"))
    expect(board(lab)).to_have_count(0)
    lab.screenshot("dashboard-ended", lab.cell(2))
    for name in ("Requests", "Resources", "Health", "Events", "Faults"):
        ended.locator("summary", has_text=name).click()
    expect(ended).to_contain_text("137")
    assert lab.errors == []


def hears(lab: LabPage) -> None:
    """Assert that the accessible text has the picture's values, fault, events and states."""
    heard = board(lab).aria_snapshot()
    for text in (
        "Two copies: service",
        "Fault pause redis from",
        "service out of memory at",
        "redis: ",
        'combobox "Container"',
        'combobox "Time"',
    ):
        assert text in heard


def look_back(lab: LabPage) -> None:
    """Pause, look half a window earlier and come back; Resume goes on with now."""
    expect(button(board(lab), "Earlier")).to_have_count(0)
    press(lab, "Pause")
    status = board(lab).get_by_role("status")
    expect(status).to_contain_text("Paused at")
    moment = re.findall(r"[\d:]{8}", status.inner_text())[0]
    expect(picture(lab)).to_have_attribute("alt", re.compile(f"until {moment} UTC"))
    press(lab, "Earlier")
    expect(picture(lab)).not_to_have_attribute("alt", re.compile(f"until {moment} UTC"))
    expect(picture(lab)).to_have_attribute("alt", re.compile("service ended"))
    lab.screenshot("dashboard-paused", lab.cell(2))
    press(lab, "Later")
    expect(picture(lab)).to_have_attribute("alt", re.compile(f"until {moment} UTC"))
    press(lab, "Resume")
    expect(status).to_have_text("Live")
    expect(picture(lab)).not_to_have_attribute("alt", re.compile(f"until {moment} UTC"))


def choose(lab: LabPage) -> None:
    """Choose a time and a container; no cell is inserted, and a name with markup stays text."""
    time_box, container_box = (board(lab).get_by_role("combobox", name=name) for name in ("Time", "Container"))
    expect(time_box).to_have_value("120")
    cells = lab.cell_count()
    time_box.focus()
    lab.page.keyboard.press("ArrowDown")
    expect(picture(lab)).to_have_attribute("alt", re.compile(", 600 seconds until"))
    lab.screenshot("dashboard-ten-minutes", lab.cell(2))
    container_box.select_option("<b>naive</b>")
    expect(picture(lab)).to_have_attribute("alt", re.compile("Two copies: <b>naive</b>"))
    assert lab.output(2).locator("b").count() == 0
    assert lab.cell_count() == cells
