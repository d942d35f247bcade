"""The instructor's desk in a browser, on recorded state: the demo by a clicker, faults by a click, the room's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab_page import SCREENSHOTS, button
from tests.workshop_room.desk.desk_pages import Pages, RecordedController, open_pages
from workshop_kit.patience import wait_for
from workshop_room.desk.demo import REQUEST_ID

SIZES = pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
"""Of a projector."""
OVERFLOWING = """() => [document.documentElement, ...document.querySelectorAll("body, body *")].filter(
  (one) => !one.matches("input") && (one.getBoundingClientRect().right > innerWidth + 1
    || (one.clientWidth && one.scrollWidth > one.clientWidth + 1)),
).map((one) => one.outerHTML.slice(0, 90))"""
"""Elements with content that is wider than they are, or that reach out of the window."""
SCROLLS = "() => document.documentElement.scrollHeight > innerHeight + 1"

Open = Callable[..., Page]


@pytest.fixture
def recorded() -> RecordedController:
    """The state behind the pages."""
    return RecordedController()


@pytest.fixture
def desk(recorded: Any) -> Iterator[Pages]:
    """An open desk."""
    with open_pages(recorded) as pages:
        yield pages


@pytest.fixture
def open_page(chromium: Browser, desk: Pages) -> Iterator[Open]:
    """Open a page at a size; an error of its scripts, or a request to another host, fails the test."""
    problems: list[str] = []
    context = chromium.new_context()

    def open_page(url: str, width: int = 1280, height: int = 720) -> Page:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if own not in request.url else None)
        page.goto(url)
        return page

    own = f"127.0.0.1:{desk.server.port}/"
    yield open_page
    context.close()
    assert problems == []


def test_a_clicker_goes_through_the_demo(desk: Pages, recorded: RecordedController, open_page: Open) -> None:
    """Page Down does the step, then goes to the next one; what came true is ticked; Page Up goes back."""
    page = open_page(desk.server.presenter_url)
    expect(page.locator("#title")).to_have_text("1 of 9: A shop that sells")
    expect(page.locator("#stopwatch")).to_be_empty()
    page.keyboard.press("PageDown")
    expect(page.locator("#stopwatch")).to_contain_text("of 1:00 · Demo")
    expect(button(page, "Next →")).to_have_attribute("aria-keyshortcuts", "PageDown ArrowRight")
    recorded.record()
    expect(page.locator("#say .seen")).to_have_count(4)
    expect(page.locator("#say .question b")).to_have_text("?")
    page.keyboard.press("PageDown")
    expect(page.locator("#title")).to_contain_text("2 of 9")
    expect(page.locator("#say .seen")).to_have_count(0)
    page.keyboard.press("PageUp")
    expect(page.locator("#title")).to_contain_text("1 of 9")


def test_faults_by_one_click_and_undo_by_a_key(desk: Pages, recorded: RecordedController, open_page: Open) -> None:
    """A key does nothing while one types; a request that the browser dropped is sent again."""
    page = open_page(desk.server.presenter_url)
    page.route("**/presenter/do/fault", lambda route: route.abort("internetdisconnected"), times=1)
    button(page, "pause redis").click()
    expect(page.locator("#active-faults")).to_have_text("pause of redis")
    expect(page.locator("#wrong")).to_be_empty()
    page.keyboard.press("f")
    page.keyboard.type("us")
    expect(page.get_by_label("Request id")).to_have_value("us")
    assert len(recorded.faults) == 1
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.locator("#active-faults")).to_have_text("None.")
    desk.do("step", step=9)
    expect(page.locator("#title")).to_contain_text("9 of 9")
    page.keyboard.press("PageDown")
    expect(button(page, "Do it")).to_have_attribute("aria-keyshortcuts", "")
    expect(button(page, "Next →")).to_have_attribute("aria-keyshortcuts", "")


def test_the_lines_of_a_request_are_found_and_shown(desk: Pages, recorded: RecordedController, open_page: Open) -> None:
    """The room sees them in place of the charts, as text; an unknown id is a sentence on the presenter's page."""
    recorded.order(REQUEST_ID)
    presenter = open_page(desk.server.presenter_url)
    room = open_page(desk.server.audience_url, 1920, 1080)
    find = presenter.get_by_label("Request id")
    find.fill("nobody")
    find.press("Enter")
    expect(presenter.locator("#wrong")).to_contain_text("No line has the request id 'nobody'.")
    find.fill(REQUEST_ID)
    find.press("Enter")
    expect(room.locator("#lines h1")).to_have_text(f"The log of the request {REQUEST_ID}")
    expect(room.locator("#lines .error")).to_contain_text("error TimeoutError('<b>QueuePool</b> limit')")
    expect(room.locator("#picture")).to_be_hidden()
    assert room.evaluate(OVERFLOWING) == []
    room.screenshot(path=SCREENSHOTS / "desk-lines.png")
    button(presenter, "Back to the charts").click()
    expect(room.locator("#picture")).to_be_visible()


@SIZES
def test_the_rooms_page_is_one_picture_as_wide_as_the_window(
    desk: Pages, open_page: Open, width: int, height: int
) -> None:
    """It names no fault."""
    room = open_page(desk.server.audience_url, width, height)
    picture = room.locator("#picture")
    expect(picture).to_have_attribute("alt", re.compile("/livez: pass"))
    assert "kill" not in str(picture.get_attribute("alt"))
    assert wait_for(lambda: picture.evaluate("one => one.naturalWidth") == 1920, 60)
    assert picture.bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    assert picture.evaluate("one => one.naturalHeight") == 1080
    room.screenshot(path=SCREENSHOTS / f"desk-room-{width}.png")


@SIZES
def test_the_presenter_sees_everything_at_a_glance(
    desk: Pages, recorded: RecordedController, open_page: Open, width: int, height: int
) -> None:
    """At every step nothing scrolls, and nothing is wider than the window."""
    recorded.inject("kill", "master-db", {})
    page = open_page(desk.server.presenter_url, width, height)
    for number in range(1, len(desk.desk.script.steps) + 1):
        desk.do("step", step=number)
        expect(page.locator("#title")).to_contain_text(f"{number} of")
        assert not page.evaluate(SCROLLS), f"step {number}"
        assert page.evaluate(OVERFLOWING) == []
        page.screenshot(path=SCREENSHOTS / f"desk-presenter-{width}-{number}.png")
