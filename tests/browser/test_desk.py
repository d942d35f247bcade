"""The instructor's desk in a browser: load, a fault, its band on the audience's page, undone; by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab_page import button
from workshop_kit.engine.session import Session
from workshop_kit.instructor.clock import CHANGED
from workshop_kit.instructor.controller import Controller
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.script import load_script
from workshop_kit.instructor.server import InstructorServer
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.xdist_group("browser")]
IN_FORCE = "seconds ago until now"
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"  # Chromium asks again: another test's container came or went


@dataclass(frozen=True)
class DeskPages:
    """An open desk, and a function that opens its pages."""

    server: InstructorServer
    controller: Controller
    open: Callable[[str], Page]


@pytest.fixture
def served(workspace: Workspace, session: Session) -> Iterator[tuple[InstructorServer, Controller]]:
    """A desk over the stack of the tests' workspace."""
    server = InstructorServer()
    with Controller(provision.stack_of(workspace, session), workspace) as controller:
        server.start(PresenterApi(controller, load_script()))
        yield server, controller
        server.stop()


@pytest.fixture
def desk(served: tuple[InstructorServer, Controller], chromium: Browser) -> Iterator[DeskPages]:
    """The desk in a browser; fails on a console error or a request to another host."""
    server, controller = served
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    problems: list[str] = []

    def open_page(url: str) -> Page:
        page = context.new_page()
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda asked: problems.append(asked.url) if f"127.0.0.1:{server.port}/" not in asked.url else None,
        )
        page.goto(url)
        return page

    yield DeskPages(server, controller, open_page)
    context.close()
    controller.load_generator.stop()
    controller.undo_all()
    assert [problem for problem in problems if NETWORK_CHANGED not in problem] == []


def test_load_a_fault_its_band_and_undo(desk: DeskPages) -> None:
    """The presenter starts load and freezes the master: the room sees a band without a name, then its end."""
    presenter, room = desk.open(desk.server.presenter_url), desk.open(desk.server.audience_url)
    button(presenter, "Start, or change").click()
    expect(presenter.locator("#load-now")).to_have_text("POST /orders, 20 a second")
    expect(room.locator("#clock .line.asked")).to_be_visible()
    clock = room.locator("#clock desc")
    expect(clock).not_to_contain_text(IN_FORCE)
    presenter.get_by_label("Target").select_option("master-db")
    button(presenter, "pause").click()
    expect(presenter.locator("#force")).to_contain_text("pause of master-db")
    expect(clock).to_contain_text(IN_FORCE)
    expect(room.locator(".band").last).to_be_visible()
    expect(room.locator("#clock .said")).to_have_text(CHANGED)
    expect(clock).to_contain_text("/livez: pass")
    expect(room.locator("#clock .run.bad").first).to_be_visible()
    assert "master" not in room.locator("#clock").inner_text()
    button(presenter, "Undo all").click()
    expect(presenter.locator("#force")).to_have_text("Nothing.")
    expect(presenter.locator("#told")).to_have_text("Everything is undone.")
    expect(clock).to_contain_text("seconds ago.")
    expect(clock).not_to_contain_text(IN_FORCE)
    button(presenter, "Stop").click()
    expect(presenter.locator("#load-now")).to_have_text("No load.")


@pytest.mark.long
def test_a_fault_with_a_grade_and_an_end_by_keys_alone(desk: DeskPages) -> None:
    """Every field is reached with Tab and has a label; a value out of range is not sent."""
    page = desk.open(desk.server.presenter_url)
    card = page.get_by_role("form", name="latency")
    expect(card).to_be_visible()
    page.get_by_label("Target").select_option("redis")
    page.get_by_role("spinbutton", name="For seconds").fill("30")
    field = card.get_by_label("latency_ms")
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("99999999")
    page.keyboard.press("Enter")
    assert not field.evaluate("field => field.checkValidity()")
    expect(page.locator("#force")).to_have_text("Nothing.")
    page.keyboard.press("Control+A")
    page.keyboard.type("120")
    page.keyboard.press("Enter")
    expect(page.locator("#force")).to_contain_text("latency of redis")
    expect(page.locator("#force")).to_contain_text("s left")
    undo = button(page, "Undo latency of redis")
    undo.focus()
    for _ in range(2):  # the page asks again and again: the focus stays
        with page.expect_response(re.compile("/presenter/")):
            pass
    expect(undo).to_be_focused()
    assert undo.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#force")).to_have_text("Nothing.")


@pytest.mark.long
def test_what_the_room_is_shown(desk: DeskPages) -> None:
    """Countdown, map and guesses: chosen on one page, seen on the other; the right answer comes last."""
    presenter, room = desk.open(desk.server.presenter_url), desk.open(desk.server.audience_url)
    presenter.get_by_label("Minutes").fill("2")
    button(presenter, "Set").click()
    expect(room.locator("#countdown")).to_have_text("2:00")
    presenter.locator("#count").click()
    expect(room.locator("#countdown")).to_have_text(re.compile(r"1:[45]\d"))
    presenter.locator("#reset").click()
    expect(room.locator("#countdown")).to_have_text("2:00")
    button(presenter, "Map").click()
    expect(room.get_by_role("img", name="Map of the whole system")).to_be_visible()
    presenter.get_by_label("Question").fill("<b>Does it stay green?</b>")
    presenter.get_by_label("Counts").fill("It stays <i>green</i>: 23\n*It turns red: 8")
    presenter.locator("#paste button").click()
    expect(room.locator("#question")).to_have_text("<b>Does it stay green?</b>")
    expect(room.locator("#headline")).to_have_text("31 of us answered.")
    expect(room.locator("li.right")).to_have_count(0)
    button(presenter, "Tell the answer").click()
    expect(room.locator("#headline")).to_have_text("23 of 31 of us were wrong.")
    expect(room.locator("li.right")).to_contain_text("It turns red")
    button(presenter, "Recorded").click()
    recorded = room.get_by_role("img", name="Recorded earlier")
    expect(recorded).to_be_visible()
    room.wait_for_function("document.querySelector('#recorded img').naturalWidth > 100")
    button(presenter, "Clock").click()
    expect(room.locator("#clock")).to_be_visible()
