"""The instructor's desk in a browser: load, a fault, its band on the audience's page, undone; by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.browser.lab_page import SCREENSHOTS, brightness, button
from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import open_pages
from workshop_kit import provision
from workshop_kit.engine.session import Session
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.audience_view import CHANGE
from workshop_room.desk.controller import Controller
from workshop_room.desk.presenter_api import PresenterApi
from workshop_room.desk.server import InstructorServer

A_CHANGE = re.compile(f"{CHANGE.capitalize()} from")
OVERFLOWING = """() => [...document.querySelectorAll("body, body *")].filter(
  (one) => !one.closest("svg") && !one.matches("input, select, textarea, iframe")
    && (one.getBoundingClientRect().right > innerWidth + 1
      || (one.clientWidth && one.scrollWidth > one.clientWidth + 1)),
).map((one) => one.outerHTML.slice(0, 90))"""
"""Elements with content that is wider than they are, or that reach out of the window."""
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"  # another test's container came or went: the page asks again
DISCONNECTED = "ERR_INTERNET_DISCONNECTED"  # what a test below lets the browser say
REFUSED = "400 (Bad Request)"  # a wrong click: the page says why


@dataclass(frozen=True)
class DeskPages:
    """An open desk, and a function that opens its pages."""

    server: InstructorServer
    controller: Controller
    open: Callable[[str], Page]


@pytest.fixture
def desk(workspace: Workspace, session: Session, chromium: Browser) -> Iterator[DeskPages]:
    """A desk over the stack of the tests' workspace; fails on a console error or a request to another host."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    problems: list[str] = []

    def note_console_error(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    def note_other_host(request: Request) -> None:
        if f"127.0.0.1:{pages.server.port}/" not in request.url:
            problems.append(request.url)

    def open_page(url: str) -> Page:
        page = context.new_page()
        page.on("console", note_console_error)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", note_other_host)
        page.goto(url)
        return page

    stack = provision.stack_of(workspace, session)
    with closing(Controller(stack, workspace).open()) as controller, open_pages(PresenterApi(controller)) as pages:
        yield DeskPages(pages.server, controller, open_page)
        context.close()
    assert [problem for problem in problems if not is_expected(problem)] == []


def is_expected(problem: str) -> bool:
    """Whether a test of this file makes the browser say so."""
    return any(text in problem for text in (NETWORK_CHANGED, DISCONNECTED, REFUSED))


def test_load_a_fault_its_band_and_undo(desk: DeskPages) -> None:
    """The presenter starts load and freezes the master: the room sees a band without a name, then its end."""
    presenter = desk.open(desk.server.presenter_url)
    room = desk.open(desk.server.audience_url)
    button(presenter, "Start load").click()
    expect(presenter.locator("#load-now")).to_have_text("POST /orders, 20 per second")
    picture = room.locator("#dashboard img")
    expect(picture).to_have_attribute("alt", re.compile("/livez: pass"))
    expect(picture).not_to_have_attribute("alt", A_CHANGE)
    presenter.get_by_label("Target").select_option("master-db")
    presenter.get_by_text("More faults").click()
    button(presenter, "pause").click()
    expect(presenter.locator("#active-faults")).to_contain_text("pause of master-db")
    expect(picture).to_have_attribute("alt", A_CHANGE)
    expect(picture).to_have_attribute("alt", re.compile("/livez: pass.*/health: fail"))
    assert "master" not in str(picture.get_attribute("alt"))
    assert picture.evaluate("one => one.naturalWidth") > 1000
    room.screenshot(path=SCREENSHOTS / "desk-dashboard.png")
    button(presenter, "Undo all").click()
    expect(presenter.locator("#active-faults")).to_have_text("None.")
    expect(presenter.locator("#told")).to_have_text("Everything is reverted.")
    before = picture.get_attribute("src")
    expect(picture).not_to_have_attribute("src", str(before))
    button(presenter, "Stop load").click()
    expect(presenter.locator("#load-now")).to_have_text("No load.")


@pytest.mark.long
def test_a_fault_with_a_grade_and_an_end_by_keys_alone(desk: DeskPages) -> None:
    """Every field is reached with Tab and has a label; a value out of range is not sent."""
    page = desk.open(desk.server.presenter_url)
    page.get_by_text("More faults").click()
    card = page.get_by_role("form", name="latency")
    expect(card).to_be_visible()
    page.get_by_label("Target").select_option("redis")
    page.get_by_role("spinbutton", name="Seconds", exact=True).fill("30")
    field = card.get_by_label("latency_ms")
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("99999999")
    page.keyboard.press("Enter")
    assert not field.evaluate("field => field.checkValidity()")
    expect(page.locator("#active-faults")).to_have_text("None.")
    page.keyboard.press("Control+A")
    page.keyboard.type("120")
    page.keyboard.press("Enter")
    expect(page.locator("#active-faults")).to_contain_text("latency of redis")
    expect(page.locator("#active-faults")).to_contain_text("s left")
    undo = button(page, "Undo latency of redis")
    undo.focus()
    for _ in range(2):  # the page asks again and again: the focus stays
        with page.expect_response(re.compile("/presenter/")):
            pass
    expect(undo).to_be_focused()
    assert undo.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#active-faults")).to_have_text("None.")


@pytest.mark.long
def test_what_the_room_is_shown(desk: DeskPages) -> None:
    """Countdown, predictions and theme: chosen on one page, seen on the other; the right answer comes last."""
    presenter = desk.open(desk.server.presenter_url)
    room = desk.open(desk.server.audience_url)
    presenter.get_by_label("Minutes").fill("2")
    button(presenter, "Set").click()
    expect(presenter.locator("#countdown")).to_have_text("2:00")
    expect(room.locator("#countdown")).to_be_hidden()
    presenter.locator("#count").click()
    expect(room.locator("#countdown")).to_have_text(re.compile(r"1:[45]\d"))
    button(presenter, "Pause").click()
    wait_until(lambda: not desk.controller.audience.countdown.state()["runs"])
    expect(room.locator("#countdown")).to_be_visible()
    presenter.locator("#reset").click()
    expect(room.locator("#countdown")).to_be_hidden()
    button(presenter, "Dark").click()
    expect(room.locator("html")).to_have_css("color-scheme", "dark")
    assert brightness(room.locator("body")) < 60
    expect(room.locator("#dashboard img")).to_have_css("filter", re.compile("invert"))
    button(presenter, "Light").click()
    expect(room.locator("html")).to_have_css("color-scheme", "light")
    assert brightness(room.locator("body")) > 200
    expect(room.locator("#dashboard img")).to_have_css("filter", "none")
    presenter.get_by_label("Question").fill("<b>Does it stay green?</b>")
    presenter.get_by_label("Counts").fill("It stays <i>green</i>: 23\n*It turns red: 8")
    presenter.locator("#paste button").click()
    expect(room.locator("#question")).to_have_text("<b>Does it stay green?</b>")
    expect(room.locator("#headline")).to_have_text("31 of us answered.")
    expect(room.locator("li.right")).to_have_count(0)
    button(presenter, "Show the right answer").click()
    expect(room.locator("#headline")).to_have_text("23 of 31 of us were surprised.")
    expect(room.locator("li.right")).to_contain_text("It turns red")


@pytest.mark.long
def test_a_clicker_goes_through_the_demo(desk: DeskPages) -> None:
    """Page Down does the step, then goes to the next one; Page Up goes back; keys do nothing while one types."""
    page = desk.open(desk.server.presenter_url)
    expect(page.locator("#which")).to_contain_text("1 of 7")
    expect(page.locator("#stopwatch")).to_be_empty()
    page.get_by_label("Request id").fill("")
    page.get_by_label("Request id").focus()
    for key in ("PageDown", "ArrowRight", "m", "u"):
        page.keyboard.press(key)
    expect(page.get_by_label("Request id")).to_have_value("mu")
    assert (desk.controller.load_generator.state(), desk.controller.audience.shows) == (None, "dashboard")
    page.keyboard.press("Escape")
    page.keyboard.press("PageDown")
    expect(page.locator("#load-now")).to_have_text("POST /orders, 20 per second")
    expect(page.locator("#stopwatch")).to_contain_text("of 1:00 planned so far")
    expect(button(page, "Next →")).to_have_attribute("aria-keyshortcuts", "PageDown ArrowRight")
    page.keyboard.press("PageDown")
    expect(page.locator("#which")).to_contain_text("2 of 7")
    page.keyboard.press("PageUp")
    expect(page.locator("#which")).to_contain_text("1 of 7")
    page.keyboard.press("m")
    expect(button(page, "Map")).to_have_attribute("aria-pressed", "true")


@pytest.mark.long
def test_a_request_that_was_never_sent_is_sent_again(desk: DeskPages) -> None:
    """The browser drops a request when a network of the machine changes: the click counts all the same."""
    page = desk.open(desk.server.presenter_url)
    page.get_by_label("Target").select_option("redis")
    page.route("**/presenter/do/fault", lambda route: route.abort("internetdisconnected"), times=1)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/do/fault")):
        button(page, "stop").click()
    expect(page.locator("#told")).to_have_text("stop of redis is active.")
    expect(page.locator("#wrong")).to_be_empty()


@pytest.mark.long
@pytest.mark.parametrize("width", [1024, 1920])
def test_nothing_is_wider_than_the_window(desk: DeskPages, width: int) -> None:
    """On both pages, with a fault, a long error and long lines; the find box is seen without scrolling."""
    presenter = desk.open(desk.server.presenter_url)
    room = desk.open(desk.server.audience_url)
    assert desk.controller.order("x" * 64) == 201
    presenter.get_by_label("Request id").fill("x" * 64)
    button(presenter, "Find").click()
    button(presenter, "Show these lines to the room").click()
    expect(room.locator("#lines b").first).to_have_text("x" * 64)
    presenter.get_by_label("Folder").fill("/" + "x" * 300)
    button(presenter, "Count").click()
    expect(presenter.locator("#wrong")).to_contain_text("There is no folder")
    for details in presenter.locator("details:visible").all():
        details.evaluate("one => { one.open = true; }")
    for page in (presenter, room):
        page.set_viewport_size({"width": width, "height": 800 if width < 1440 else width * 9 // 16})
        assert page.evaluate(OVERFLOWING) == []
    box = presenter.get_by_label("Request id").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800


@pytest.mark.long
def test_the_notes_of_a_lesson_one_cell_at_a_time(desk: DeskPages) -> None:
    """The presenter chooses a lesson and goes from note to note; a prediction shows its answer, the room shows none."""
    page = desk.open(desk.server.presenter_url)
    note = page.locator("#note")
    expect(note).to_contain_text("Here is a shop that sells tea")
    page.locator("#note-lesson").select_option("01_container")
    while "predict-stop" not in note.inner_text():
        button(page, "Note →").click()
    expect(page.locator("#note-where")).to_contain_text("0:09 of")
    expect(note).to_contain_text("Explain the words SIGTERM")
    assert "SIGTERM" not in desk.open(desk.server.audience_url).content()


@pytest.mark.long
def test_a_checkpoint_is_confirmed_and_shows_its_result(desk: DeskPages) -> None:
    """*No* changes nothing; *Yes* says where workspace and containers are now."""
    page = desk.open(desk.server.presenter_url)
    page.get_by_label("Start of lesson").select_option("04_monitoring")
    button(page, "Go there …").click()
    expect(page.locator("#sure")).to_contain_text("files of 04_monitoring and later become fresh")
    button(page, "No").click()
    expect(page.locator("#sure")).to_be_hidden()
    assert desk.controller.job is None
    button(page, "Go there …").click()
    button(page, "Yes, go there").click()
    expect(page.locator("#job")).to_contain_text("04_monitoring is at its start.", timeout=120_000)
    expect(page.locator("#job progress")).to_be_hidden()
