"""The presenter's page on recorded state, without an engine: the stage view, ticks, the countdown's end, its widths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab_page import SCREENSHOTS, button
from tests.browser.test_desk import OVERFLOWING
from tests.workshop_room.desk.room_pages import Pages, RecordedController, open_recorded_pages
from workshop_kit.observe.watcher import Tables
from workshop_kit.paths import CHECKOUT
from workshop_room.desk.audience import RequestLines

HAND = ("Do it", "Undo all", "Dashboard", "Start", "Show the right answer")
"""A button of each of the five things that a hand needs on stage."""
OPEN = """() => { for (const one of document.querySelectorAll("details")) one.open = true; }"""
REACHED = """one => {
  const box = one.getBoundingClientRect();
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth && box.width > 0;
}"""
SCROLLS = """() => [document.documentElement, document.querySelector("main")].some(
  (one) => one.scrollHeight > one.clientHeight + 1,
)"""
POOL = '{"error": "TimeoutError(\'QueuePool limit of size 5 overflow 10 reached, connection timed out\')"}'

Open = Callable[[str, int, int, bool], Page]


@pytest.fixture
def room() -> Iterator[Pages]:
    """A desk on a track with game day, which the demo's last step would give away."""
    with open_recorded_pages(CHECKOUT, "half-day", "09:00") as room:
        yield room


@pytest.fixture
def recorded(room: Pages) -> RecordedController:
    """The state behind the pages."""
    controller = room.desk.controller
    assert isinstance(controller, RecordedController)
    return controller


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a page at a size, in a light or a dark system; an error of its scripts fails the test."""
    problems: list[str] = []
    contexts = []

    def open_page(url: str, width: int, height: int, dark: bool) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_hand_reaches_everything_on_stage(
    room: Pages, recorded: RecordedController, open_page: Open, dark: bool
) -> None:
    """At 1280 × 800 nothing scrolls, at every step of the demo; a key leads there and back, and a reload keeps it."""
    recorded.inject("kill", "master-db", {}, None)
    page = open_page(room.server.presenter_url, 1280, 800, dark)
    expect(page.locator("#which")).to_contain_text("1 of 7")
    page.keyboard.press("v")
    expect(button(page, "Stage")).to_have_attribute("aria-pressed", "true")
    for number in range(1, 9):
        room.said("step", step=number)
        expect(page.locator("#which")).to_have_text(re.compile(f"^{number}[ ,]"))
        assert [name for name in HAND if not button(page, name).evaluate(REACHED)] == []
        assert not page.evaluate(SCROLLS), f"step {number}"
    page.screenshot(path=SCREENSHOTS / f"stage-{'dark' if dark else 'light'}.png")
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile("stage"))
    page.keyboard.press("v")
    expect(page.get_by_role("heading", name="Notes")).to_be_visible()


def test_expected_results_are_ticked(room: Pages, recorded: RecordedController, open_page: Open) -> None:
    """Once the step is done and they come true; after the last step of the track a clicker goes no further."""
    page = open_page(room.server.presenter_url, 1280, 800, False)
    ticks = page.locator("#expectations .seen")
    button(page, "Do it").click()
    expect(page.locator("#load-now")).to_have_text("POST /orders, 20 per second")
    expect(ticks).to_have_count(0)
    later = pd.Timestamp.now(tz="UTC") + pd.Timedelta(minutes=5)
    health = [{"time": later, "what": what, "state": "pass"} for what in ("/livez", "/health")]
    requests = [{"time": later, "requests_per_second": 20.0, "error_percent": 0.0, "p95_ms": 5.0}]
    recorded.tables = Tables(health=pd.DataFrame(health), requests=pd.DataFrame(requests))
    expect(ticks).to_have_count(4)
    expect(ticks.first).to_have_text("✓ health /livez: state is pass")
    room.said("step", step=7)
    expect(page.locator("#which")).to_contain_text("7 of 7")
    expect(button(page, "Do it")).to_have_attribute("aria-keyshortcuts", "PageDown ArrowRight")
    page.keyboard.press("PageDown")
    expect(button(page, "Do it")).to_have_attribute("aria-keyshortcuts", "")
    expect(button(page, "Next →")).to_have_attribute("aria-keyshortcuts", "")
    button(page, "Next →").click()
    expect(page.locator("#which")).to_contain_text("8, not on the track half-day")


def test_the_countdown_ends_at_zero_on_both_pages(room: Pages, open_page: Open) -> None:
    """And stays there."""
    room.controller.audience.countdown.set(0.01)
    room.controller.audience.countdown.start()
    presenter = open_page(room.server.presenter_url, 1280, 800, False)
    audience = open_page(room.server.audience_url, 1280, 720, False)
    for page in (presenter, audience):
        expect(page.locator("#countdown.over")).to_have_text("0:00")
    assert room.controller.audience.countdown.state()["seconds_left"] == 0


def test_an_error_has_a_sentence_on_the_projector(room: Pages, recorded: RecordedController, open_page: Open) -> None:
    """Below the line, which stays as it is."""
    recorded.request_lines = RequestLines("demo-tea-for-one", (("error", POOL), ("other", '{"status": 201}')))
    room.said("show-lines", request_id="demo-tea-for-one")
    page = open_page(room.server.audience_url, 1280, 720, True)
    lines = page.locator("#lines li")
    expect(lines).to_have_count(2)
    first, second = lines.all()
    expect(first).to_contain_text(POOL)
    expect(first.locator("p")).to_have_text(re.compile("^All connections to the database are in use"))
    expect(second.locator("p")).to_have_count(0)
    page.screenshot(path=SCREENSHOTS / "room-lines.png")


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_presenters_window(room: Pages, open_page: Open, width: int) -> None:
    """With a late part of the day in its head, and everything unfolded; on stage, too."""
    page = open_page(room.server.presenter_url, width, 900, width == 390)
    page.clock.set_fixed_time("2026-05-01T09:40:00")
    expect(page.locator("#plan")).to_contain_text("until")
    page.locator("#note-lesson").select_option("03_logging")
    page.evaluate(OPEN)
    assert page.evaluate(OVERFLOWING) == []
    page.screenshot(path=SCREENSHOTS / f"presenter-{width}.png", full_page=True)
    button(page, "Stage").click()
    assert page.evaluate(OVERFLOWING) == []
