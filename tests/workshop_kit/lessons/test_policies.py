"""Policy cards: the reference stands in no notebook, and is shown once the participant has written every sentence."""

from __future__ import annotations

import json
import re
from typing import cast

import pytest

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.lessons import policies
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.folder import Workspace

NOTEBOOKS = CHECKOUT / "notebooks"
ASKED = {path.stem for path in NOTEBOOKS.glob("*.ipynb") if "w.policy(mine=" in path.read_text()}
LESSON = "01_container"
REFERENCE = policies.load_reference(LESSON, NOTEBOOKS)
MINE = {question: f"Mine: {question}" for question in REFERENCE}


def lesson(workspace: Workspace, *, headless: bool = False) -> Lesson:
    """The handle of a lesson whose cells need no engine."""
    return Lesson(LESSON, workspace, cast("Stack", None), headless)


def policy_questions(name: str) -> list[str]:
    """The questions in a notebook's policy cell, each with an empty sentence."""
    sources = [cell["source"] for cell in notebook_cells(NOTEBOOKS / f"{name}.ipynb")]
    asks = [source for source in sources if "w.policy(mine=" in source]
    assert len(asks) == 1
    return [json.loads(line) for line in re.findall(r'^    (".+"): "",$', asks[0], re.MULTILINE)]


@pytest.mark.parametrize("name", sorted(ASKED))
def test_no_notebook_has_a_reference(name: str) -> None:
    """It asks the questions of the file, in their order, and has none of its sentences."""
    reference = policies.load_reference(name, NOTEBOOKS)
    assert policy_questions(name) == list(reference)
    for path in NOTEBOOKS.glob("*.ipynb"):
        text = "\n".join(cell["source"] for cell in notebook_cells(path))
        assert [sentence for sentence in reference.values() if sentence in text] == []


def test_the_reference_is_shown_once_every_sentence_is_written(empty_workspace: Workspace) -> None:
    """Until then the card says what is missing, and nothing is stored."""
    w = lesson(empty_workspace)
    last = list(MINE)[-1]
    for sentences in (dict.fromkeys(MINE, ""), MINE | {last: "  "}):
        shown = w.policy(mine=sentences)
        assert last in shown.text.partition("Still yours to write")[2]
        assert not any(sentence in shown.text + shown.html for sentence in REFERENCE.values())
        assert w.exercise_service.progress.document().policies == {}

    shown = w.policy(mine=MINE)
    assert all(sentence in shown.text for sentence in (*MINE.values(), *REFERENCE.values()))
    stored = [f"{question}: {sentence}" for question, sentence in MINE.items()]
    assert w.exercise_service.progress.document().policies == {LESSON: stored}


def test_a_run_without_a_browser_shows_the_reference_and_stores_nothing(empty_workspace: Workspace) -> None:
    """The book is made of such a run."""
    w = lesson(empty_workspace, headless=True)
    shown = w.policy(mine=dict.fromkeys(MINE, ""))
    assert all(sentence in shown.text for sentence in REFERENCE.values())
    assert not w.exercise_service.progress.path.exists()


def test_other_questions_are_one_sentence(empty_workspace: Workspace) -> None:
    """A question that was changed or removed is named, and so is one that the lesson does not ask."""
    w = lesson(empty_workspace)
    first, *other_questions = MINE
    with pytest.raises(WrongUsage, match=f"The cell lacks the question '{re.escape(first)}'"):
        w.policy(mine={question: MINE[question] for question in other_questions})
    with pytest.raises(WrongUsage, match=r"no question 'Who pays\?'\. Ask: How is it built\?, "):
        w.policy(mine=MINE | {"Who pays?": "Nobody."})
