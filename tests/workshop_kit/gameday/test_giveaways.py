"""Neither what stands before an exercise of game day, nor the list of releases, says what the day's cause is."""

from __future__ import annotations

import itertools

import pytest

from tests.workshop_kit.gameday.recorded import play
from workshop_kit.gameday.causes import CAUSES
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.exercise_list import Exercise

CAUSE_WORDS = {
    "gameday.monday": ("secret", "password"),
    "gameday.wednesday": ("half-open", "silence", "waits for", "gateway accepts"),
    "gameday.thursday": ("leak", "oom", "killed", "want of memory"),
}
DAYS = [exercise for exercise in exercise_list.load(CHECKOUT) if exercise.id in CAUSE_WORDS]


def text_before(exercise: Exercise) -> str:
    """The task, and the cells between the exercise before it and this one."""
    texts: list[str] = []
    for cell in notebook_cells(CHECKOUT / "notebooks" / f"{exercise.page}.ipynb"):
        texts.append("".join(cell["source"]))
        if cell["id"] == exercise.cell:
            return "\n".join([exercise.task, *texts]).lower()
        if cell["id"].startswith("exercise-gameday-"):
            texts = []
    raise AssertionError(f"there is no cell {exercise.cell}")


@pytest.mark.parametrize("exercise", DAYS, ids=lambda exercise: exercise.id)
def test_nothing_before_your_turn_names_the_cause(exercise: Exercise) -> None:
    """Goals, guided cells, texts, the task and the prefilled answer: the evidence is the participant's to find."""
    text = text_before(exercise)
    assert f'task = w.exercise("{exercise.id}")' in text
    assert [word for word in CAUSE_WORDS[exercise.id] if word in text] == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("day", CAUSES)
def test_a_kind_of_change_that_occurs_once_is_not_the_answer(day: str, seed: int) -> None:
    """Harmless releases stand around the cause; if it is a release, another one changes the same kind of setting."""
    shop = play(CAUSES[day], seed)
    assert shop.is_killed() or not shop.serves()
    assert len(shop.history) == (4 if day == "wednesday" else 5)
    suspects = {"monday": "secrets", "thursday": "code"}.get(day)
    if suspects:
        values = [getattr(release, suspects) for release in shop.history]
        assert sum(before != after for before, after in itertools.pairwise(values)) == 2
