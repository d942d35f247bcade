"""The board has the state of every exercise, and the minutes left; tests/browser shows it and jumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises import registry
from workshop_kit.exercises.board import State, board, state_of
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

EXERCISES = registry.load(CHECKOUT)
CORE = "container.graceful"


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
    with progress.record(CORE) as record:
        record.hints = 1
    assert state() is State.TRIED
    with progress.record(CORE) as record:
        record.solution_shown = True
    assert state() is State.SHOWN
    progress.record_check(CORE, Verdict.PASSED)
    progress.record_check(CORE, Verdict.WRONG)  # played with it after it was passed
    assert state() is State.PASSED


def test_a_track_has_its_own_board(progress: Progress) -> None:
    """It has only the exercises and minutes of its track; a passed exercise takes none."""
    mine = [one for one in EXERCISES if "90min" in one.tracks]
    progress.record_check(mine[0].id, Verdict.PASSED)
    short = board(EXERCISES, progress, "90min")
    assert [row.id for row in short.exercises] == [one.id for one in mine]
    assert short.minutes_left == sum(one.all_minutes for one in mine[1:])
    with pytest.raises(WrongUsage, match="no track 'week'"):
        board(EXERCISES, progress, "week")
