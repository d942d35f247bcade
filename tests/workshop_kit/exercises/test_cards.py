"""The result of a check as HTML and text, in which what containers say stays text; and the board of all exercises."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises import registry
from workshop_kit.exercises.cards import as_text, comparison_card, exercise_page, result_card, solution_card
from workshop_kit.exercises.progress import Progress, State
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.paths import CHECKOUT

BAD = Finding(False, "docker stop", "137 after 10.0 s", "0 within 2 s", "Requests are cut off.", "Look at main().")
RESULT = Result(Verdict.WRONG, "It was killed.", (BAD,), exercise="container.graceful", seconds=1.24)
EXERCISES = registry.load(CHECKOUT)
EXERCISE = registry.find(EXERCISES, "container.graceful")


def test_lines_are_wrapped_and_terminal_sequences_written_out() -> None:
    """Long sentences are wrapped under themselves; a container can neither clear nor color the participant's screen."""
    long = replace(BAD, got="\x1b[2Jred\u202etxet\nnext", means="word " * 60)
    text = as_text(replace(RESULT, findings=(long,), output=long.got))
    assert max(len(line) for line in text.split("\n")) <= 88
    assert not set(text) & set("\x1b\u202e")
    assert "came back       \\x1b[2Jred\\u202etxet\n                    next\n" in text


STRANGE = st.text(st.sampled_from("<>&\"'=/ai\n")) | st.sampled_from(["<script>x</script>", "<img src=x onerror=y>"])


@given(STRANGE, st.sampled_from(Verdict), st.booleans())
def test_no_text_becomes_markup(strange: str, verdict: Verdict, passed: bool) -> None:
    """Text of containers and authors is escaped."""

    def pages(text: str) -> list[str]:
        finding = Finding(passed, text, text, text, text, text)
        result = Result(verdict, text, (finding,), text, exercise=text, seconds=0.1)
        odd = EXERCISE.model_copy(update={"title": text, "guidelines": (text,), "id": text})
        shown = [exercise_page(odd, result, (text,), solution=solution_card(text)), result_card(result)]
        shown.append(comparison_card(f"mine {text}", f"theirs {text}"))
        return [page.html for page in shown]

    if not strange:
        return
    for odd, plain in zip(pages(strange), pages("x"), strict=True):
        assert re.findall("<[^>]*>", re.sub('"[^"]*"', "", odd)) == re.findall("<[^>]*>", re.sub('"[^"]*"', "", plain))


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """An empty progress file."""
    return Progress(tmp_path / "progress.json")


def test_states_follow_what_was_done(progress: Progress) -> None:
    """A check, a hint, a solution and a pass give different states; passed stays."""

    def state() -> State:
        return progress.exercise(EXERCISE.id).state

    progress.record_check(EXERCISE.id, Verdict.NOT_STARTED)
    assert state() is State.NOT_STARTED
    with progress.record(EXERCISE.id) as record:
        record.hints = 1
    assert state() is State.TRIED
    with progress.record(EXERCISE.id) as record:
        record.solution_shown = True
    assert state() is State.SHOWN
    progress.record_check(EXERCISE.id, Verdict.PASSED)
    progress.record_check(EXERCISE.id, Verdict.WRONG)  # played with it after it was passed
    assert state() is State.PASSED


def test_a_track_has_its_own_board(progress: Progress) -> None:
    """It has only the exercises and minutes of its track; a passed exercise takes none."""
    mine = [one for one in EXERCISES if "90min" in one.tracks]
    progress.record_check(mine[0].id, Verdict.PASSED)
    short = progress.board(EXERCISES, "90min")
    assert [row.id for row in short.exercises] == [one.id for one in mine]
    assert short.minutes_left == sum(one.all_minutes for one in mine[1:])
    with pytest.raises(WrongUsage, match="no track 'week'"):
        progress.board(EXERCISES, "week")
