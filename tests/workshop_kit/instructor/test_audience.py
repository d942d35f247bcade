"""The countdown, with a clock that the test moves, and what the audience is shown."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Audience, Countdown
from workshop_kit.instructor.prediction_counts import Histogram, OptionCount
from workshop_kit.instructor.request_lines import RequestLines

ANSWERS = Histogram("Does it stay green?", (OptionCount("Yes", 23), OptionCount("No", 8, right=True)))


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Started, paused, started again, set; below zero it says how far over time it is; idle until it is started."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    seconds[0] += 50
    assert (count.seconds_left, count.runs, count.idle) == (60, False, True)
    count.start()
    seconds[0] += 20
    count.start()
    assert (count.seconds_left, count.runs, count.idle) == (40, True, False)
    count.pause()
    seconds[0] += 500
    assert (count.seconds_left, count.runs, count.idle) == (40, False, False)
    count.start()
    seconds[0] += 50
    assert count.seconds_left == -10
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(float("nan"))
    count.set(2)
    assert (count.seconds_left, count.runs, count.idle) == (120, False, True)


def test_the_right_answer_is_hidden_until_it_is_shown() -> None:
    """Neither the state nor the headline has it before; a new prediction hides it again."""
    audience = Audience()
    with pytest.raises(WrongUsage, match="There are no predictions to show yet"):
        audience.show("predictions")
    audience.show_prediction(ANSWERS)
    before = audience.state()["predictions"]
    assert (audience.shows, before["headline"]) == ("predictions", "31 of us answered.")
    assert [answer["right"] for answer in before["answers"]] == [False, False]
    audience.show_answer()
    after = audience.state()["predictions"]
    assert after["headline"] == "23 of 31 of us were surprised."
    assert [answer["right"] for answer in after["answers"]] == [False, True]
    audience.show_prediction(ANSWERS)
    assert not audience.answer_shown


def test_lines_are_shown_once_there_are_some() -> None:
    """Their picture comes by itself; the state has the id and how many they are, so that a page draws them anew."""
    audience = Audience()
    with pytest.raises(WrongUsage, match="There are no lines to show yet"):
        audience.show("lines")
    with pytest.raises(WrongUsage, match="No line has the request id 'tea-1'"):
        audience.show_lines(RequestLines("tea-1"))
    assert (audience.shows, audience.state()["lines"]) == ("clock", None)
    audience.show_lines(RequestLines("tea-1", (("error", "a"), ("other", "b"))))
    assert (audience.shows, audience.state()["lines"]) == ("lines", ["tea-1", 2])


def test_an_unknown_answer_view_or_theme_cannot_be_shown() -> None:
    """Each is a sentence, and the audience sees what it saw before."""
    audience = Audience(shows="predictions", histogram=Histogram("Tea?", (OptionCount("Yes", 1),)))
    with pytest.raises(WrongUsage, match="No answer is known to be right"):
        audience.show_answer()
    with pytest.raises(WrongUsage, match="cannot be shown 'secrets'"):
        audience.show("secrets")
    audience.set_theme("dark")
    with pytest.raises(WrongUsage, match="There is no theme 'pink'"):
        audience.set_theme("pink")
    assert (audience.shows, audience.state()["theme"]) == ("predictions", "dark")
