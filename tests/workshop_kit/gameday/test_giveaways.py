"""What stands before an exercise of game day does not say what the day's cause is."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import registry
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.registry import Exercise

CAUSE_WORDS = {
    "monday": ("secret", "password"),
    "tuesday": ("throttl", "docker update", "hold it back", "holds it back", "held back", "cpu limit"),
    "wednesday": ("half-open", "half open", "silence", "waits for", "older release does not help"),
    "thursday": ("leak", "oom", "killed", "memory_mib", "want of memory"),
    "friday": ("critical", "differ", "others do not", 'restart("replica-db")'),
}
DAYS = [exercise for exercise in registry.load(CHECKOUT) if exercise.id.startswith("gameday.")]


def text_before(exercise: Exercise) -> str:
    """The task, and all cells from the top of its notebook to the cell of the exercise."""
    texts = [exercise.task]
    for cell in notebook_cells(Path(CHECKOUT, "notebooks", f"{exercise.page}.ipynb")):
        texts.append("".join(cell["source"]))
        if cell["id"] == exercise.cell:
            break
    return "\n".join(texts).lower()


@pytest.mark.parametrize("exercise", DAYS, ids=lambda exercise: exercise.id)
def test_nothing_before_your_turn_names_the_cause(exercise: Exercise) -> None:
    """Goals, guided cells, texts, the task and the prefilled answer: the evidence is the participant's to find."""
    text = text_before(exercise)
    assert f'task = w.exercise("{exercise.id}")' in text
    assert [word for word in CAUSE_WORDS[exercise.id.partition(".")[2]] if word in text] == []
