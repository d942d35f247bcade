"""Predictions: their files, and the text of an unusual outcome. tests/browser clicks them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.predictions import Prediction, load_all_questions
from workshop_kit.paths import CHECKOUT

NAME = "00_start.database-gone"
QUESTION = load_all_questions(CHECKOUT / "notebooks")[NAME]


def test_an_unusual_result_and_a_missing_guess_are_said(tmp_path: Path) -> None:
    """What was measured counts, and the reasons are for what usually happens; no guess stays no guess."""
    progress = Progress(tmp_path / "progress.json")
    unusual = next(key for key in QUESTION.options if key != QUESTION.right)
    shown = Prediction(NAME, QUESTION, progress).reveal(unusual)
    assert "You did not guess" in shown.text
    assert f"It did:   {QUESTION.options[unusual].text}\n" in shown.text
    assert f"Usually: {QUESTION.options[QUESTION.right].text}" in shown.text
    assert not progress.path.exists()
    with pytest.raises(WrongUsage, match=r"'both' is no option of prediction .* Use one of: "):
        Prediction(NAME, QUESTION, progress).reveal("both")


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
