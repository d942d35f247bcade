"""Predictions: their files, and the text of an unusual outcome. tests/browser clicks them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.predictions import LESSON, Prediction, load_all_questions
from workshop_kit.workspace.folder import Workspace

FOUR = """
[stop]
question = "You stop it. What happens?"
right = "killed"
[stop.options]
at-once = { text = "It ends at once.", reason = "No signal reaches <it>." }
terminated = { text = "It ends with 143.", reason = "The kernel drops the signal." }
killed = { text = "It is killed.", reason = "The shell forwards nothing." }
refused = { text = "It refuses.", reason = "Nobody asks it." }
"""
QUESTION = LESSON.validate_python(tomllib.loads(FOUR))["stop"]


@pytest.fixture
def progress(empty_workspace: Workspace) -> Progress:
    """An empty progress file."""
    return Progress(empty_workspace.progress_path)


def asked(progress: Progress, *, headless: bool = False) -> Prediction:
    """A question that is on no page."""
    return Prediction("01_container.stop", QUESTION, progress, headless)


def test_an_unusual_result_and_a_missing_guess_are_said(progress: Progress) -> None:
    """What was measured counts, and the reasons are for what usually happens; no guess stays no guess."""
    shown = asked(progress).reveal("at-once")
    assert "You did not guess" in shown.text
    assert "It did:   It ends at once.\n" in shown.text
    assert "Usually: It is killed." in shown.text
    assert not progress.path.exists()
    with pytest.raises(
        WrongUsage, match=r"'kiled' is no option of prediction .*\. Use one of: at-once, terminated, ki"
    ):
        asked(progress).reveal("kiled")


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
