"""The board: how every exercise stands, in words, and the minutes that are left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.board import State, board, shown
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Verdict

CORE = Exercise(
    id="container.graceful",
    title="Leave in time & in <peace>",
    lesson="01_container",
    weight="core",
    task="Do it.",
    minutes=8,
    debrief_minutes=2,
    tracks=("90min", "full"),
    guidelines=("factor 7",),
    hints=("a", "b", "c"),
)
SECOND = replace(CORE, id="container.limits", title="Limits", minutes=5, debrief_minutes=1, tracks=("full",))
MORE = replace(CORE, id="container.layer", title="Layers", weight="more", tracks=("full",))
CONFIG = replace(CORE, id="config.env", title="Settings", lesson="02_configuration", minutes=20)
ALL = (CORE, SECOND, MORE, CONFIG)


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A participant who has done nothing yet."""
    return Progress(tmp_path / "progress.json")


def states(progress: Progress) -> dict[str, State]:
    """How the exercises stand, by id."""
    return {row.id: row.state for row in board(ALL, progress).rows}


def test_states_follow_what_was_done(progress: Progress) -> None:
    """Checked, hinted at, looked up, passed: each is told apart, and passed is the last word."""
    progress.record_check(CORE.id, Verdict.NOT_STARTED)
    assert states(progress)[CORE.id] is State.NOT_STARTED
    progress.next_hint(SECOND.id)
    progress.record_check(CONFIG.id, Verdict.WRONG)
    assert (states(progress)[SECOND.id], states(progress)[CONFIG.id]) == (State.TRIED, State.TRIED)
    progress.record_solution(SECOND.id)
    assert states(progress)[SECOND.id] is State.SHOWN
    progress.record_check(SECOND.id, Verdict.PASSED)
    progress.record_check(SECOND.id, Verdict.WRONG)  # played with it after it was passed
    assert states(progress)[SECOND.id] is State.PASSED


def test_a_track_has_its_own_board(progress: Progress) -> None:
    """Only what is part of the track, and only its minutes."""
    assert [row.id for row in board(ALL, progress, "90min").rows] == [CORE.id, CONFIG.id]
    assert board(ALL, progress, "90min").minutes_left == 32
    assert board(ALL, progress, "half-day").lessons == ()
    assert str(shown(board(ALL, progress, "half-day"))).startswith("The track half-day has no exercises.")
    with pytest.raises(WrongUsage, match="no track 'week'"):
        board(ALL, progress, "week")


def test_the_table_says_it_in_words(progress: Progress) -> None:
    """A state is a symbol and a word, in HTML and in text; titles are escaped; minutes have their sums."""
    progress.record_check(CORE.id, Verdict.PASSED)
    page = shown(board(ALL, progress))
    for said in (page.html, page.text):
        assert "✓ passed" in said
        assert "○ not started" in said
        assert "10 minutes done, 28 left" in said
        assert "10 extra" in said
    assert "Leave in time &amp; in &lt;peace&gt;" in page.html
    lines = page.text.split("\n")
    assert lines[1].split() == ["Exercise", "State", "Minutes", "Title"]
    assert lines[2].split() == ["01_container", "1", "of", "3", "passed", "10", "min", "done,", "6", "left", "▰▱▱"]
    assert lines[3].split()[:3] == [CORE.id, "✓", "passed"]


def test_exercises_are_grouped_by_lesson_with_a_bar_each(progress: Progress) -> None:
    """The bar has a name and a value for a screen reader; one lesson is in sight, the others are a line."""
    progress.record_check(CORE.id, Verdict.PASSED)
    html = shown(board(ALL, progress), "02_configuration").html
    container, configuration = html.split("<details")[1:]
    assert '<progress value="1" max="3" aria-label="01_container"></progress><span>1 of 3 passed</span>' in container
    assert '<progress value="0" max="1" aria-label="02_configuration"></progress><span>0 of 1 passed' in configuration
    assert (container.startswith(">"), configuration.startswith(" open>")) == (True, True)
    assert [name in container for name in (CORE.id, SECOND.id, MORE.id, CONFIG.id)] == [True, True, True, False]
