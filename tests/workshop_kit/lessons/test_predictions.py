"""Predictions without a page: what is kept, what is said. The clicks are tested in tests/browser."""

from __future__ import annotations

import re

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.prediction_text import question_page
from workshop_kit.lessons.predictions import Prediction
from workshop_kit.lessons.questions import Option, Question
from workshop_kit.workspace.folder import Workspace

OPTIONS = {
    "green": Option(text="It stays green", reason="It asks no <database>."),
    "red": Option(text="It turns red", reason="It does not ask the database."),
    "hang": Option(text="It hangs", reason="It waits for nobody."),
    "crash": Option(text="It crashes", reason="Nothing raises an error."),
}
QUESTION = Question(question="What happens?", right="green", options=OPTIONS)


@pytest.fixture
def progress(empty_workspace: Workspace) -> Progress:
    """An empty progress file."""
    return Progress(empty_workspace.progress_path)


def asked(progress: Progress, *, headless: bool = False) -> Prediction:
    """A question that is on no page."""
    return Prediction("start.db", QUESTION, progress, headless)


def test_a_locked_guess_outlives_the_kernel(progress: Progress) -> None:
    """Another kernel that asks the same question finds the guess; a second click changes nothing."""
    assert asked(progress).lock("red") == "red"
    again = asked(progress)
    assert again.choice == "red"
    assert again.lock("green") == "red"


def test_reveal_tells_and_records(progress: Progress) -> None:
    """The experiment's result is said beside the guess and recorded with it."""
    guess = asked(progress)
    guess.lock("red")
    assert str(guess.reveal("green")).startswith("You said: It turns red\nIt did:   It stays green\n")
    kept = progress.guess("start.db")
    assert kept is not None
    assert kept.actual == "green"


def test_reveal_gives_the_reason_of_each_option(progress: Progress) -> None:
    """All four, as text and, escaped, as HTML: what was said and what it did are told in words."""
    guess = asked(progress)
    guess.lock("red")
    shown = guess.reveal("green")
    for option in OPTIONS.values():
        assert f"- {option.text}\n  {option.reason}" in shown.text
    assert "It asks no &lt;database&gt;." in shown.html
    assert re.search(r"You said</span> It turns red<p", shown.html)
    assert re.search(r"It did</span> It stays green<p", shown.html)
    assert "Usually" not in shown.text


def test_reveal_says_when_something_else_happened_than_usually(progress: Progress) -> None:
    """What was measured counts; the reasons are written for what usually happens, and that is said."""
    shown = asked(progress).reveal("hang")
    assert "It did:   It hangs\n" in shown.text
    assert "Usually: It stays green" in shown.text


def test_reveal_takes_no_unknown_option(progress: Progress) -> None:
    """A slip in the lesson is one sentence with what there is."""
    with pytest.raises(WrongUsage, match=r"'gren' is no option of prediction start\.db\. Use one of: green, red, hang"):
        asked(progress).reveal("gren")


def test_without_a_guess_nothing_is_recorded(progress: Progress) -> None:
    """No guess is said kindly, and stays no guess."""
    shown = asked(progress).reveal("green")
    assert "You did not guess" in str(shown)
    assert not progress.path.exists()


def test_headless_picks_a_wrong_answer_and_leaves_no_trace(progress: Progress) -> None:
    """The tour's stand-in is the first option that is wrong; the participant's own progress is not touched."""
    asked(progress).lock("hang")
    before = progress.path.read_bytes()
    shown = asked(progress, headless=True).reveal("green")
    assert str(shown).startswith("You said: It turns red\n")
    assert asked(progress, headless=True).choice is None
    assert progress.path.read_bytes() == before


def test_the_page_marks_the_guess_without_color_and_gives_no_reason() -> None:
    """The locked option has a filled mark and the words "your guess"; without one the page says how to answer."""
    marked = question_page(QUESTION, "red")
    assert re.search(r"◉</span><span>It turns red</span><span class=\"wk-note\">your guess", marked.html)
    assert marked.text.count("◉") == marked.html.count("◉") == 1
    assert "run this cell to answer" in question_page(QUESTION, None).html
    assert not any(option.reason in marked.text for option in OPTIONS.values())
