"""What a room predicted: from people's files, or from counts that somebody pasted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.instructor.prediction_counts import Answer, Histogram, of_folder, of_text, predictions_in
from workshop_kit.lessons.predictions import Option, Question

TEXTS = {"green": "It stays green.", "red": "It turns red.", "hang": "It hangs.", "crash": "It crashes."}
QUESTION = Question(
    question="Does it stay green?",
    right="red",
    options={key: Option(text=text, reason="So it is.") for key, text in TEXTS.items()},
)
ID = "00_start.gone"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """The folder of a room: 31 people's files as their workspaces wrote them, and things that are no such files."""
    for number in range(31):
        progress = Progress(tmp_path / f"person {number}" / "progress.json")
        progress.path.parent.mkdir()
        progress.lock_guess(ID, "green" if number < 23 else "red")
        if number % 2:
            progress.record_actual(ID, "red")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "odd.json").write_text(json.dumps({"predictions": {ID: 5, "01.other": {"choice": 7}}}))
    return tmp_path


def test_a_folder_of_progress_files_is_counted(room: Path) -> None:
    """23 of 31 were wrong; the lesson's words stand for the keys; what is no file of ours counts for nothing."""
    assert predictions_in(room) == {ID: 31}
    counted = of_folder(room, ID, {ID: QUESTION})
    assert counted.question == "Does it stay green?"
    assert counted.answers[:2] == (Answer("It stays green.", 23), Answer("It turns red.", 8, right=True))
    assert [answer.count for answer in counted.answers[2:]] == [0, 0]
    assert counted.headline() == "23 of 31 of us were wrong."


def test_a_folder_without_guesses_says_so(tmp_path: Path) -> None:
    """One sentence, for an empty folder and for none."""
    with pytest.raises(WrongUsage, match="has a guess for '00_start"):
        of_folder(tmp_path, ID, {})
    with pytest.raises(WrongUsage, match="There is no folder"):
        predictions_in(tmp_path / "nowhere")


def test_pasted_counts() -> None:
    """A line an answer; a star before the right one; a colon may stand in an answer."""
    pasted = of_text(" Does it\nstay green? ", "It stays green: 23\n\n * It turns red: at once = 8 \n")
    assert pasted.question == "Does it stay green?"
    assert pasted.answers == (Answer("It stays green", 23), Answer("It turns red: at once", 8, right=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("green 23", "'green 23' is no answer with a count"),
        ("green: many", "is no answer with a count"),
        ("*a: 1\n*b: 2", "More than one answer is marked"),
        ("\n".join(f"a{number}: 1" for number in range(13)), "There are 13 answers"),
    ],
)
def test_pasted_counts_that_are_none(text: str, said: str) -> None:
    """What is wrong, in one sentence."""
    with pytest.raises(WrongUsage, match=said):
        of_text("Green?", text)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((Answer("a", 1), Answer("b", 4, right=True)), "1 of 5 of us was wrong."),
        ((Answer("a", 0), Answer("b", 4, right=True)), "All 4 of us were right."),
        ((Answer("a", 3), Answer("b", 4)), "7 of us answered."),
    ],
)
def test_headlines(answers: tuple[Answer, ...], said: str) -> None:
    """How many were wrong, if that is known."""
    assert Histogram("?", answers).headline() == said
