"""Predictions without a page: what is kept, what is said. The clicks are tested in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.prediction_text import outcome, question_page
from workshop_kit.learn.predictions import Prediction, predict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.workspace import Workspace

CHOICES = {"green": "It stays green", "red": "It turns red", "hang": "It hangs"}


@pytest.fixture
def progress(workspace: Workspace) -> Progress:
    """An empty progress file."""
    return Progress(workspace.progress_path)


def asked(progress: Progress, *, headless: bool = False) -> Prediction:
    """A question that is on no page."""
    return Prediction("start.db", "What happens?", CHOICES, progress, headless)


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


def test_reveal_can_be_repeated(progress: Progress) -> None:
    """A cell that is run again says the same; an experiment that came out differently is recorded as it came out."""
    guess = asked(progress)
    guess.lock("red")
    assert guess.reveal("green") == guess.reveal("green")
    assert str(guess.reveal("red")).endswith("As you said.")


def test_without_a_guess_nothing_is_recorded(progress: Progress) -> None:
    """No guess is said kindly, and stays no guess."""
    shown = asked(progress).reveal("green")
    assert "You did not guess" in str(shown)
    assert not progress.path.exists()


def test_headless_picks_a_wrong_answer_and_leaves_no_trace(progress: Progress) -> None:
    """The tour's stand-in is the first answer that is wrong; the participant's own progress is not touched."""
    asked(progress).lock("hang")
    before = progress.path.read_bytes()
    shown = asked(progress, headless=True).reveal("green")
    assert str(shown).startswith("You said: It turns red\n")
    assert asked(progress, headless=True).choice is None
    assert progress.path.read_bytes() == before


def test_an_answer_that_was_removed_is_asked_again(progress: Progress) -> None:
    """A guess whose answer a newer lesson no longer offers counts as none, and does not break the lesson."""
    progress.lock_guess("start.db", "gone")
    guess = asked(progress)
    assert guess.choice is None
    assert "You did not guess" in str(guess.reveal("green"))


@pytest.mark.parametrize("call", ["lock", "reveal"])
def test_an_unknown_answer_is_a_mistake_of_the_lesson(progress: Progress, call: str) -> None:
    """A key that is no answer is named, with those that are."""
    with pytest.raises(WrongUsage, match=r"'blue' is no answer of prediction start\.db\. Use one of: green, red, hang"):
        getattr(asked(progress), call)("blue")


@pytest.mark.parametrize("message", [{}, {"hello": True}, {"lock": 5}, {"lock": None}])
def test_other_messages_lock_nothing(progress: Progress, message: dict[str, object]) -> None:
    """Only a click with an answer's key locks; whatever else a page sends is let be."""
    guess = predict("start.db", "What happens?", CHOICES, progress=progress)
    guess._clicked(None, message, None)
    assert guess.choice is None


def test_a_click_that_cannot_be_kept_is_said_on_the_page(tmp_path: Path) -> None:
    """When the progress file cannot be written, the page gets the sentence and the guess stays open."""
    blocked = tmp_path / "progress.json"
    guess = predict("start.db", "What happens?", CHOICES, progress=Progress(blocked))
    blocked.mkdir()
    guess._clicked(None, {"lock": "red"}, None)
    assert guess._widget is not None
    assert "progress.json is in the way" in guess._widget.problem
    assert guess._widget.locked == ""


STRANGE = st.text(st.sampled_from("<>&\"'=/ai")) | st.sampled_from(["<script>x</script>", "<img src=x onerror=y>"])


@given(STRANGE, st.dictionaries(st.sampled_from("abc"), STRANGE, min_size=1))
def test_no_text_becomes_markup(question: str, choices: dict[str, str]) -> None:
    """Question and answers are shown as text, whatever they contain."""
    key = next(iter(choices))
    plain = dict.fromkeys(choices, "x")
    for strange, harmless in (
        (question_page(question, choices, key), question_page("x", plain, key)),
        (outcome(choices, None, key), outcome(plain, None, key)),
    ):
        assert re.findall("<[^>]*>", strange.html) == re.findall("<[^>]*>", harmless.html)


def test_the_page_marks_the_guess_without_color() -> None:
    """The locked answer has a filled mark and the words "your guess"; without one the page says how to answer."""
    marked = question_page("What?", CHOICES, "red")
    assert re.search(r"◉</span><span>It turns red</span><span class=\"wk-note\">your guess", marked.html)
    assert marked.text.count("◉") == marked.html.count("◉") == 1
    assert "run this cell to answer" in question_page("What?", CHOICES, None).html
