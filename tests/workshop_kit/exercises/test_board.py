"""The board has the state of every exercise in words, and the minutes left; a jump by it, without a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import like
from tests.workshop_kit.test_exercise_commands import is_signed
from workshop_kit.engine import containers
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.board import State, board, render, state_of
from workshop_kit.exercises.board_widget import BoardView, BoardWidget
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Verdict
from workshop_kit.progress import silent
from workshop_kit.workspace.folder import Workspace

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


LOSS, CONFIGURATION = "container.loss", "02_configuration"


@pytest.fixture
def view(participant: Stack, tmp_path: Path) -> BoardView:
    """A participant's board."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "my workspace"), lambda: participant)
    return BoardView(exercise_service, participant, "01_container")


@pytest.mark.timeout(300)
def test_the_kernel_can_be_used_after_a_jump(view: BoardView, participant: Stack) -> None:
    """Its containers are removed; using one is a one-sentence error, and making them again works."""
    assert isinstance(view.job.widget, BoardWidget)
    assert (view.job.widget.lessons[:2], view.job.widget.next_lesson) == (["00_start", "01_container"], CONFIGURATION)
    mine = containers.run(participant.session, like(participant.container("service")))
    subject = view.exercise_service.subject(LOSS)
    view.exercise_service.hand_in(LOSS, [], "changed")
    left = []
    view.leave = lambda: left.append(mine.id)
    (view.exercise_service.workspace.my_service / "start.sh").write_text("mine")
    view.go("01_container", silent)
    assert left == [mine.id]
    assert is_signed(view.exercise_service.workspace), "JupyterLab shows panels only in trusted notebooks"
    with pytest.raises(WorkshopError, match=r"gone\. Run the cell that starts it again"):
        mine.inspect()
    mine.remove()  # as a cell that is run again does
    assert view.exercise_service.check(LOSS).verdict is Verdict.NOT_STARTED, "the answer is about what is gone"
    again = view.exercise_service.subject(LOSS)
    assert again is not None
    assert subject is not None
    assert again.running is not None
    assert again.running.inspect()["State"]["Running"]
    again.running.remove()
    assert participant.container("service").status == "running"
