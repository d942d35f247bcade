"""The board: how every exercise stands, in words, and the minutes that are left."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise.board import State, as_json, board, shown
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.progress import Progress

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


def test_a_new_participant_has_everything_before_them(progress: Progress) -> None:
    """Nothing started, no minute done, and looking writes no file."""
    assert set(states(progress).values()) == {State.NOT_STARTED}
    assert (board(ALL, progress).minutes_done, board(ALL, progress).minutes_left) == (0, 10 + 6 + 22)
    assert not progress.path.exists()


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


def test_minutes_are_those_of_core_exercises(progress: Progress) -> None:
    """What is more stands on the board and takes nobody's minutes."""
    progress.record_check(CORE.id, Verdict.PASSED)
    progress.record_check(MORE.id, Verdict.PASSED)
    container, config = board(ALL, progress).lessons
    assert (container.minutes_done, container.minutes_left, len(container.rows)) == (10, 6, 3)
    assert (config.minutes_done, config.minutes_left) == (0, 22)


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
    assert lines[2].split() == ["01_container", "1", "of", "3", "passed", "10", "done,", "6", "left"]
    assert lines[3].split()[:3] == [CORE.id, "✓", "passed"]


def test_the_json_is_the_data(progress: Progress) -> None:
    """--json has every number of the board, and can be read back."""
    progress.record_check(SECOND.id, Verdict.WRONG)
    document = json.loads(json.dumps(as_json(board(ALL, progress))))
    assert (document["track"], document["minutes_done"], document["minutes_left"]) == ("full", 0, 38)
    row = document["lessons"][0]["rows"][1]
    assert (row["id"], row["state"], row["minutes"], row["attempts"]) == (SECOND.id, "tried", 6, 1)


def test_ids_that_nobody_knows_any_more_are_ignored(progress: Progress) -> None:
    """Progress in an exercise that was removed is kept in the file and takes no place on the board."""
    progress.record_check("container.old", Verdict.PASSED)
    assert "container.old" not in states(progress)
    assert progress.exercise("container.old").passed_at
