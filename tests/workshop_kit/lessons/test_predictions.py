"""Predictions: their files, what progress stores, and the text of outcomes. tests/browser clicks them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.predictions import (
    SUFFIX,
    Option,
    Prediction,
    Question,
    find_question,
    load_all_questions,
    load_questions,
    question_page,
)
from workshop_kit.workspace.folder import Workspace

LESSON = "01_container"
FOUR = """
[stop]
question = "You stop it. What happens?"
right = "killed"
[stop.options]
at-once = { text = "It ends at once.", reason = "No signal reaches it." }
terminated = { text = "It ends with 143.", reason = "The kernel drops the signal." }
killed = { text = "It is killed.", reason = "The shell forwards nothing." }
refused = { text = "It refuses.", reason = "Nobody asks it." }
"""
REFUSED = "refused = "

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
    """All four, as text and, escaped, as HTML: guess and result are marked in words."""
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


def write(folder: Path, text: str) -> Path:
    """Write the lesson's file and return its folder."""
    (folder / f"{LESSON}{SUFFIX}").write_text(text)
    return folder


def test_a_prediction_is_found_by_its_id(tmp_path: Path) -> None:
    """Options come in the order in which they are written."""
    question = find_question("stop", LESSON, write(tmp_path, FOUR))
    assert [*question.options] == ["at-once", "terminated", "killed", "refused"]
    assert question.options["killed"].reason == "The shell forwards nothing."
    assert [*load_all_questions(tmp_path)] == ["01_container.stop"]


def test_an_unknown_id_names_the_one_that_was_meant(tmp_path: Path) -> None:
    """A slip is answered with its neighbor, anything else with all there are."""
    folder = write(tmp_path, FOUR)
    with pytest.raises(WrongUsage, match=r"has no prediction 'stopp'\. Did you mean 'stop'\?"):
        find_question("stopp", LESSON, folder)
    with pytest.raises(WrongUsage, match=r"has no prediction 'memory'\. Use one of: stop\."):
        find_question("memory", LESSON, folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n".join(line for line in FOUR.splitlines() if not line.startswith(REFUSED)), "stop: a prediction has 4 opt"),
        (FOUR.replace(', reason = "Nobody asks it."', ""), r"stop\.options\.refused\.reason: Field required\."),
        (FOUR.replace("Nobody asks it.", ""), r"stop\.options\.refused\.reason: String should have at least 1"),
        (FOUR.replace('"killed"', '"late"'), "stop: `right` is 'late', which is none of its options"),
        (FOUR.replace("question", "title"), r"stop\.question: Field required \(2 problems in all\)"),
        (f"{FOUR}{FOUR}", "is not TOML: Cannot declare"),
    ],
)
def test_a_file_that_is_not_complete_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """It names the file, the place and what is wrong there."""
    with pytest.raises(WorkshopError, match=f"^{re.escape(LESSON + SUFFIX)}.*{said}") as error:
        load_questions(LESSON, write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_lesson_without_a_file_says_which_is_missing(tmp_path: Path) -> None:
    """The path of the file to write."""
    with pytest.raises(WorkshopError, match=rf"Write .*{re.escape(LESSON + SUFFIX)}"):
        load_questions(LESSON, tmp_path)


def test_every_prediction_of_the_lessons_is_in_its_file(root: Path) -> None:
    """The cells name an id and nothing else, and every id in a file is named; reasons are short."""
    known = load_all_questions(root / "notebooks")
    named = {
        f"{path.stem}.{name}"
        for path in (root / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text())["cells"]
        for name in re.findall(r'w\.predict\("([\w-]+)"\)', "".join(cell["source"]))
    }
    calls = sum(path.read_text().count("w.predict(") for path in (root / "notebooks").glob("*.ipynb"))
    assert named == set(known)
    assert len(named) == calls > 0
    reasons = [option.reason for question in known.values() for option in question.options.values()]
    assert max(len(reason.split()) for reason in reasons) <= 20
