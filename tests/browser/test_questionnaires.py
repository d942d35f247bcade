"""Five questions and feedback in a browser: on a phone, in a notebook, and as one chart for the room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab_page import SCREENSHOTS, LabPage, button
from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import RoomPages
from workshop_kit.membership.disclosure import SUMMARY
from workshop_kit.membership.protocol import GuessReport, Snapshot
from workshop_room.desk.questionnaires import THANKS, load_questions

QUESTIONS = load_questions()
ROOM_CELL = """
from pathlib import Path
from workshop_kit.membership.room_widget import RoomView, start_sync
from workshop_kit.workspace.folder import Workspace

workspace = Workspace.open(Path({folder!r}))
RoomView(workspace, start_sync(workspace, "00_start")).show("start")
"""


@pytest.fixture
def presenter(room: RoomPages, chromium: Browser) -> Iterator[Page]:
    """The presenter's page."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(room.server.presenter_url)
    yield page
    page.close()


def answer_as_a_class(room: RoomPages, people: int) -> None:
    """Answer the five questions, before and after, for so many people; each question has another count."""
    for number in range(people):
        guesses = {}
        for place, (name, question) in enumerate(QUESTIONS.learning.items()):
            wrong = next(key for key in question.options if key != question.right)
            is_right = (number + place) % 3 == 0
            guesses[f"before.{name}"] = GuessReport(choice=question.right if is_right else wrong)
            guesses[f"after.{name}"] = GuessReport(choice=wrong if number % 7 == place else question.right)
        room.api.classroom.report(Snapshot(participant=f"{number + 100:032x}", sequence=1, guesses=guesses))


def test_a_phone_answers_five_questions(room: RoomPages, presenter: Page, chromium: Browser) -> None:
    """One after the other; a double click answers one of them. The presenter sees how many are done."""
    button(presenter, "Ask: before").click()
    button(presenter, "Keep a summary, and tell the room").click()
    context = chromium.new_context(viewport={"width": 390, "height": 780})
    phone = context.new_page()
    phone.goto(room.code.page_url)
    button(phone, "Join").click()
    expect(phone.locator("#summary")).to_have_text(SUMMARY)
    for number, question in enumerate(QUESTIONS.learning.values(), 1):
        expect(phone.locator("#question")).to_have_text(f"{number} of 5: {question.question}")
        phone.wait_for_timeout(500)  # what comes sooner is the second click of a double one
        option = phone.locator("#options button", has_text=question.options[question.right].text)
        if number == 1:
            phone.screenshot(path=SCREENSHOTS / "questions-phone.png")
            option.dblclick()
        else:
            option.click()
    expect(phone.locator("#question")).to_have_text(THANKS)
    expect(phone.locator("#options button")).to_have_count(0)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    [snapshot] = room.api.classroom.snapshots()
    chosen = {name: guess.choice for name, guess in snapshot.guesses.items()}
    assert chosen == {f"before.{name}": question.right for name, question in QUESTIONS.learning.items()}
    expect(presenter.locator("#room-questions")).to_contain_text("before: 1 done, 0 on their way")
    button(presenter, "Close: before").click()
    expect(phone.locator("#question")).to_have_text("No question is open.")
    context.close()


def test_the_chart_fits_the_stage(room: RoomPages, presenter: Page, chromium: Browser) -> None:
    """Five questions with two bars each, at 1280 × 720 and 1920 × 1080, light and dark; then with the answers."""
    answer_as_a_class(room, 23)
    button(presenter, "Ask: feedback").click()
    button(presenter, "Learning").click()
    button(presenter, "Right answers on the chart").click()
    expect(button(presenter, "Right answers on the chart")).to_have_attribute("aria-pressed", "true")
    presenter.locator("#live-room").screenshot(path=SCREENSHOTS / "questions-presenter.png")
    for width, height, theme in ((1280, 720, "light"), (1920, 1080, "dark")):
        room.said("theme", theme=theme)
        stage = chromium.new_page(viewport={"width": width, "height": height})
        stage.goto(room.server.audience_url)
        rows = stage.locator("#learning li")
        expect(rows).to_have_count(5)
        expect(rows.locator(".right")).to_have_text(
            [f"✓ {question.options[question.right].text}" for question in QUESTIONS.learning.values()]
        )
        expect(stage.locator("#learning .total")).to_be_in_viewport(ratio=1)
        expect(rows.first).to_be_in_viewport(ratio=1)
        stage.screenshot(path=SCREENSHOTS / f"learning-{width}-{theme}.png")
        stage.close()


def test_a_notebook_answers(room: RoomPages, lab: LabPage) -> None:
    """The question is a note with its options, by keys, too; a double click is one answer. The last can be closed."""
    lab.show("questions", [ROOM_CELL.format(folder=str(lab.workspace.folder))])
    bar = lab.output(0).locator(".wk-room")
    bar.get_by_text("Join the instructor's live room").click()
    bar.get_by_label("Code").fill(str(room.code))
    lab.page.keyboard.press("Enter")
    expect(bar).to_contain_text("Live room: you are table 1")
    room.said("questions", name="after")
    room.said("summary", keep=True)
    note = lab.page.locator("#wk-question")
    for number, question in enumerate(QUESTIONS.learning.values(), 1):
        expect(note).to_contain_text(f"{number} of 5: {question.question}")
        option = button(note, question.options[question.right].text)
        lab.page.wait_for_timeout(500)  # as on a phone
        if number == 1:
            lab.screenshot("questions-notebook")
            option.focus()
            lab.page.keyboard.press("Enter")
        elif number == 2:
            option.dblclick()
        else:
            option.click()
    expect(note).to_contain_text(THANKS)
    expect(bar).to_contain_text(SUMMARY)
    wait_until(lambda: room.api.questions.questionnaires["after"].progress(room.api.classroom.snapshots()) == (1, 1))
    button(note, "Close the question").click()
    expect(note).to_have_count(0)
    button(bar, "Leave the room").click()
    expect(bar.get_by_text("Join the instructor's live room")).to_be_visible()
    assert lab.errors == []
