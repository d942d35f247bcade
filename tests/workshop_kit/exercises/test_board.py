"""The board has the state of every exercise in words, and the minutes left."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.board import State, board, render, state_of
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Verdict

CHANGES: tuple[dict[str, object], ...] = (
    {"id": "container.limits", "title": "Limits", "minutes": 5, "debrief_minutes": 1, "tracks": ("full",)},
    {"id": "container.layer", "title": "Layers", "weight": "more", "tracks": ("full",)},
    {"id": "config.env", "title": "Settings", "lesson": "02_configuration", "minutes": 20},
)
CORE, SECOND, MORE, CONFIG = NAMES = ("container.graceful", "container.limits", "container.layer", "config.env")


@pytest.fixture
def exercises(exercise: Exercise) -> list[Exercise]:
    """Two core exercises and one more of a lesson, and one of the next lesson."""
    return [exercise, *(exercise.model_copy(update=change) for change in CHANGES)]


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """An empty progress file."""
    return Progress(tmp_path / "progress.json")


def test_states_follow_what_was_done(progress: Progress) -> None:
    """A check, a hint, a solution and a pass give different states; passed stays."""

    def state() -> State:
        return state_of(progress.exercise(CORE))

    progress.record_check(CORE, Verdict.NOT_STARTED)
    assert state() is State.NOT_STARTED
    progress.next_hint(CORE)
    assert state() is State.TRIED
    progress.record_solution(CORE)
    assert state() is State.SHOWN
    progress.record_check(CORE, Verdict.PASSED)
    progress.record_check(CORE, Verdict.WRONG)  # played with it after it was passed
    assert state() is State.PASSED


def test_a_track_has_its_own_board(progress: Progress, exercises: list[Exercise]) -> None:
    """It has only the exercises and minutes of its track."""
    short = board(exercises, progress, "90min")
    assert [row.id for row in short.exercises] == [CORE, CONFIG]
    assert short.minutes_left == 32
    assert str(render(board(exercises, progress, "half-day"))).startswith("The track half-day has no exercises.")
    with pytest.raises(WrongUsage, match="no track 'week'"):
        board(exercises, progress, "week")


def test_the_page_says_it_in_words(progress: Progress, exercises: list[Exercise]) -> None:
    """A state is a symbol and a word, in HTML and in text; minutes have their sums; the bar is for screen readers, too.

    One lesson is open, the others are folded; titles are escaped.
    """
    progress.record_check(CORE, Verdict.PASSED)
    page = render(board(exercises, progress), "02_configuration")
    for said in (page.html, page.text):
        assert "✓ passed" in said
        assert "○ not started" in said
        assert "10 minutes done, 28 left" in said
        assert "10 extra" in said
    lines = page.text.split("\n")
    assert lines[2].split() == ["01_container", "1", "of", "3", "passed", "10", "min", "done,", "6", "left", "▰▱▱"]
    assert lines[3].split()[:3] == [CORE, "✓", "passed"]
    container, configuration = page.html.split("<details")[1:]
    assert '<progress value="1" max="3" aria-label="01_container"></progress><span>1 of 3 passed</span>' in container
    assert (container.startswith(">"), configuration.startswith(" open>")) == (True, True)
    assert [name in container for name in NAMES] == [True, True, True, False]
    assert "Leave in time &amp; in &lt;peace&gt;" in container
