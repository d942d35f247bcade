"""The countdown, with a clock that the test moves, and what the audience is shown."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Audience, Countdown
from workshop_kit.instructor.prediction_counts import Answer, Histogram

ANSWERS = Histogram("Does it stay green?", (Answer("Yes", 23), Answer("No", 8, right=True)))


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Started, paused, started again, set; below zero it says how far over time it is."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    seconds[0] += 50
    assert (count.seconds_left, count.runs) == (60, False)
    count.start()
    seconds[0] += 20
    count.start()
    assert (count.seconds_left, count.runs) == (40, True)
    count.pause()
    seconds[0] += 500
    assert (count.seconds_left, count.runs) == (40, False)
    count.start()
    seconds[0] += 50
    assert count.seconds_left == -10
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(float("nan"))
    count.set(2)
    assert (count.seconds_left, count.runs) == (120, False)


def test_the_right_answer_is_hidden_until_it_is_shown() -> None:
    """Neither the state nor the headline has it before; a new prediction hides it again."""
    audience = Audience()
    with pytest.raises(WrongUsage, match="There are no guesses yet"):
        audience.show("predictions")
    audience.show_prediction(ANSWERS)
    before = audience.state()["predictions"]
    assert (audience.shows, before["headline"]) == ("predictions", "31 of us answered.")
    assert [answer["right"] for answer in before["answers"]] == [False, False]
    audience.show_answer()
    after = audience.state()["predictions"]
    assert after["headline"] == "23 of 31 of us were wrong."
    assert [answer["right"] for answer in after["answers"]] == [False, True]
    audience.show_prediction(ANSWERS)
    assert not audience.answer_shown


def test_an_unknown_answer_or_page_cannot_be_shown() -> None:
    """Both are a sentence, and the audience sees what it saw before."""
    audience = Audience(shows="predictions", histogram=Histogram("Tea?", (Answer("Yes", 1),)))
    with pytest.raises(WrongUsage, match="Nobody knows which answer is right"):
        audience.show_answer()
    with pytest.raises(WrongUsage, match="cannot be shown 'secrets'"):
        audience.show("secrets")
    assert audience.shows == "predictions"
