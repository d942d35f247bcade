"""The live room in a browser: on a phone, on the presenter's page, and in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import lessons
from tests.browser.lab_page import SCREENSHOTS, LabPage, button
from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import RoomPages
from workshop_kit.membership import membership
from workshop_kit.membership.protocol import Snapshot
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.course import load_course

PREDICTION = "00_start.database-gone"
SETUP = 'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")'

ROOM_ALONE = """
import os
from pathlib import Path
from workshop_kit.membership.room_widget import RoomView, start_sync
from workshop_kit.workspace.folder import find_workspace

workspace = find_workspace(Path.cwd(), dict(os.environ))
RoomView(workspace, start_sync(workspace, "02_configuration")).show("start")
"""
"""The live room in a notebook, without the engine that a lesson needs."""


def end_poll_and_notice(presenter: Page) -> None:
    """Press the buttons that end them; the page says that none is open."""
    presenter.locator("#live-room").screenshot(path=SCREENSHOTS / "room-presenter.png")
    presenter.locator("#room-poll-end").click()
    presenter.locator("#room-notice-end").click()
    expect(presenter.locator("#room-now")).to_contain_text("No poll is open.")
    expect(presenter.locator("#room-now")).to_contain_text("No notice.")
    presenter.close()


def open_poll(presenter: Page) -> None:
    """Press the button that opens the poll; the page says so."""
    presenter.locator("#room-poll select").select_option(PREDICTION)
    presenter.locator("#room-poll button").first.click()
    expect(presenter.locator("#room-now")).not_to_contain_text("No poll is open.")


def answer_once(page: Page) -> None:
    """Answer with the second option; the third one is locked then."""
    options = page.locator("#options button")
    options.nth(1).click()
    options.nth(2).click(force=True)
    expect(options.nth(1)).to_have_attribute("aria-pressed", "true")


def test_a_phone_answers_and_asks_for_help(room: RoomPages, chromium: Browser) -> None:
    """360 pixels wide; nothing is sent before *Join*; a reloaded page is the same participant.

    The presenter opens the poll and sends everybody to a cell by the buttons of the other page.
    """
    presenter = chromium.new_page(viewport={"width": 1280, "height": 900})
    presenter.goto(room.server.presenter_url)
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    problems = list[str]()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(room.code.page_url)
    expect(page.get_by_text("This page sends")).to_be_visible()
    assert room.api.classroom.snapshots() == []

    open_poll(presenter)
    button(page, "Join").click()
    expect(page.locator("#state")).to_have_text("Connected as table 1.")
    question = room.api.classroom.questions[PREDICTION]
    expect(page.locator("#question")).to_have_text(question.question)
    expect(page.locator("#options button")).to_have_text([option.text for option in question.options.values()])
    answer_once(page)
    button(page, "I am stuck").click()
    presenter.locator("#room-notice button").first.click()
    expect(page.locator("#notice")).to_contain_text("Everybody to: ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=SCREENSHOTS / "room-phone.png")

    end_poll_and_notice(presenter)
    [snapshot] = room.api.classroom.snapshots()
    assert (snapshot.guesses[PREDICTION].choice, snapshot.help) == (list(question.options)[1], "stuck")
    page.reload()
    expect(page.locator("#state")).to_have_text("Connected as table 1.")
    leave_helped(room, page)
    assert problems == []
    context.close()


def leave_helped(room: RoomPages, page: Page) -> None:
    """Mark the first participant as helped, and leave the room; the browser keeps nothing of it."""
    room.do("helped", number=1)
    expect(button(page, "I am stuck")).to_have_attribute("aria-pressed", "false")
    button(page, "Leave the room").click()
    expect(button(page, "Join")).to_be_visible()
    page.wait_for_function("localStorage.length === 0")


def test_the_presenters_buttons_act(room: RoomPages, chromium: Browser) -> None:
    """One takes a participant off the list of the stuck, one takes every "done" back, and one removes a flood."""
    presenter = chromium.new_page(viewport={"width": 1280, "height": 900})
    presenter.goto(room.server.presenter_url)
    now = presenter.locator("#room-now")
    flood = presenter.locator("#room-unanswered")
    for number, state in enumerate(("stuck", "done")):
        asked = {"participant": f"{number:032x}", "name": f"Person {number}", "help": state, "help_clicks": 1}
        room.api.classroom.report(Snapshot.model_validate(asked))
    expect(now).to_contain_text(re.compile("^2 laptops · 1 done"))
    expect(flood).to_be_empty()
    button(presenter, "Person 0 was helped").click()
    expect(presenter.locator("#room-stuck")).to_contain_text("Nobody is stuck.")
    button(now, "Clear").click()
    expect(now).to_contain_text(re.compile("^2 laptops · 0 done"))
    for number in range(100, 130):
        room.api.classroom.report(Snapshot(participant=f"{number:032x}"), "192.0.2.7")
    expect(flood).to_contain_text("30 joined from 192.0.2.7 and have not answered.")
    presenter.locator("#live-room").screenshot(path=SCREENSHOTS / "room-flood.png")
    button(flood, "Remove 30 of 192.0.2.7").click()
    expect(now).to_contain_text(re.compile("^2 laptops"))
    expect(flood).to_be_empty()
    presenter.close()


@pytest.mark.long
def test_a_notice_opens_what_the_track_folds(lab: LabPage, room: RoomPages) -> None:
    """*Go there* leads to the mark that stands for the cell, opens it, and says why it is one."""
    sections = load_course(CHECKOUT).sections["02_configuration"]
    folded = next(part for part in sections if part.heading == "Fail when?")
    assert "90min" not in folded.minutes
    lab.workspace.choose_track("90min")
    content.follow_track(lab.workspace)
    membership.join(lab.workspace, room.code, notebooks=True)
    lab.show("room", [ROOM_ALONE])
    room.do("notice", lesson="02_configuration", cell=folded.cells[0])
    notice = lab.page.locator("#wk-notice")
    expect(notice).to_contain_text(folded.heading)
    button(notice, "Go there").click()
    mark = lab.page.locator(".jp-MarkdownCell", has_text="Not today:").filter(has_text=folded.heading)
    expect(mark.locator("details")).to_have_attribute("open", "")
    expect(mark.locator("strong", has_text=folded.heading)).to_be_in_viewport()
    expect(notice).to_contain_text("Your track leaves it out: here it is to read.")
    lab.screenshot("room-folded")
    membership.leave(lab.workspace)
    lab.workspace.choose_track("full")
    content.follow_track(lab.workspace)
    assert lab.errors == []


@pytest.mark.long
@pytest.mark.usefixtures("session")
def test_a_participant_joins_at_the_board(lab: LabPage, room: RoomPages) -> None:
    """By keys; what leaves the laptop is said first. Help goes there and comes back; a notice leads to its cell."""
    lab.show("board", [SETUP, "w.board()"])
    bar = lab.output(1).locator(".wk-room")
    bar.get_by_text("Join the instructor's live room").click()
    expect(bar).to_contain_text("This leaves your laptop:")
    cells = lab.cell_count()
    bar.get_by_label("Code").focus()
    lab.page.keyboard.type("babb")
    lab.page.keyboard.press("Enter")
    expect(bar.get_by_role("status").last).to_contain_text("'babb' is no code of a live room.")
    bar.get_by_label("Code").fill(str(room.code).lower())
    bar.get_by_label("Name, if you like").fill("<b>Ada</b>")
    lab.page.keyboard.press("Enter")
    expect(bar).to_contain_text("Live room: you are table 1")
    assert lab.cell_count() == cells
    button(bar, "I am stuck").click()
    expect(button(bar, "I am stuck")).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: [entry["name"] for entry in room.api.classroom.queue()] == ["<b>Ada</b>"])
    lab.screenshot("room-board", bar)
    room.do("helped", number=1)
    expect(button(bar, "I am stuck")).to_have_attribute("aria-pressed", "false")
    lessons.open_untouched(lab, "01_container")
    lab.run_cell(lessons.position("01_container", "setup"))
    room.do("notice", lesson="01_container", cell="end")
    notice = lab.page.locator("#wk-notice")
    expect(notice).to_contain_text("Everybody to: To keep")
    lab.screenshot("room-notice")
    button(notice, "Go there").click()
    expect(lab.page.get_by_role("heading", name=re.compile("^To keep"))).to_be_in_viewport()
    button(notice, "Close the notice").click()
    expect(notice).to_have_count(0)
    room.do("notice-end")
    lab.cell(lessons.position("01_container", "setup"))
    button(lab.page.locator(".wk-room"), "Leave the room").click()
    expect(lab.page.locator(".wk-room").get_by_text("Join the instructor's live room")).to_be_visible()
    assert room.api.classroom.snapshots() == []
    assert lab.errors == []
