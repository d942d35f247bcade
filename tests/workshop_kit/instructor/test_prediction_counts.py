"""Counted predictions: from progress files, or from pasted counts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.instructor.prediction_counts import OptionCount, of_folder, of_text, predictions_in
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
    """A folder with 31 progress files, and with files that are none: a FIFO, an endless device, a broken link."""
    for number in range(31):
        progress = Progress(tmp_path / f"person {number}" / "progress.json")
        progress.path.parent.mkdir()
        progress.lock_guess(ID, "green" if number < 23 else "red")
        if number % 2:
            progress.record_actual(ID, "red")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    os.mkfifo(tmp_path / "fifo.json")
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "odd.json").write_text(json.dumps({"predictions": {ID: 5, "01.other": {"choice": 7}}}))
    return tmp_path


def test_a_folder_of_progress_files_is_counted(room: Path) -> None:
    """A guess is a surprise if it differs from the outcome on the same machine. Keys become texts of the lesson."""
    assert predictions_in(room) == {ID: 31}
    counted = of_folder(room, ID, {ID: QUESTION})
    assert counted.question == "Does it stay green?"
    assert counted.answers[:2] == (OptionCount("It stays green.", 23), OptionCount("It turns red.", 8, right=True))
    assert [answer.count for answer in counted.answers[2:]] == [0, 0]
    assert counted.headline() == "11 of 15 of us who ran it were surprised."


def test_pasted_counts() -> None:
    """A line an answer; a star before the right one; a colon may stand in an answer."""
    pasted = of_text(" Does it\nstay green? ", "It stays green: 23\n\n * It turns red: at once = 8 \n")
    assert pasted.question == "Does it stay green?"
    assert pasted.answers == (OptionCount("It stays green", 23), OptionCount("It turns red: at once", 8, right=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("green 23", "'green 23' is no answer with a count"),
        ("*a: 1\n*b: 2", "More than one answer is marked"),
        ("\n".join(f"a{number}: 1" for number in range(13)), "There are 13 answers"),
    ],
)
def test_pasted_text_without_counts_is_refused(text: str, said: str) -> None:
    """One sentence says what is wrong."""
    with pytest.raises(WrongUsage, match=said):
        of_text("Green?", text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", ["a" + " " * 200_000 + "x", "*" + "a:" * 100_000, " =" * 100_000 + "1 "])
def test_a_hostile_paste_is_refused_at_once(line: str) -> None:
    """200 kB in one line take no quadratic time: that would be hours."""
    with pytest.raises(WrongUsage, match="is no answer with a count"):
        of_text("Green?", line + ":")
