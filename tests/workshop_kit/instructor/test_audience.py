"""The countdown, what the room is shown, and things made only now and then: with a clock that the test moves."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Room
from workshop_kit.instructor.countdown import Countdown
from workshop_kit.instructor.prediction_counts import Answer, Histogram

ANSWERS = Histogram("Does it stay green?", (Answer("Yes", 23), Answer("No", 8, right=True)))


class Hand:
    """A clock whose hand the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.seconds


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Started, held, started again, set back; and it says how far over time it is."""
    hand = Hand()
    count = Countdown(1, hand)
    hand.seconds += 50
    assert (count.seconds_left, count.runs) == (60, False)
    count.start()
    hand.seconds += 20
    count.start()
    assert (count.seconds_left, count.runs) == (40, True)
    count.hold()
    hand.seconds += 500
    assert (count.seconds_left, count.runs) == (40, False)
    count.start()
    hand.seconds += 50
    assert count.seconds_left == -10
    count.set_back()
    assert (count.seconds_left, count.runs) == (60, False)


@pytest.mark.parametrize("minutes", [0, 601, float("nan"), True, "5"])
def test_a_countdown_takes_minutes_alone(minutes: object) -> None:
    """What is no such number is refused in a sentence, and changes nothing."""
    count = Countdown(2)
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(minutes)
    assert count.seconds_left == 120


def test_the_right_answer_is_told_last() -> None:
    """Before the presenter tells it, neither the state nor the headline has it."""
    room = Room()
    with pytest.raises(WrongUsage, match="There are no guesses yet"):
        room.show("guesses")
    room.ask(ANSWERS)
    before = room.state()["guesses"]
    assert (room.shows, before["headline"]) == ("guesses", "31 of us answered.")
    assert [answer["right"] for answer in before["answers"]] == [False, False]
    room.tell()
    after = room.state()["guesses"]
    assert after["headline"] == "23 of 31 of us were wrong."
    assert [answer["right"] for answer in after["answers"]] == [False, True]
    room.ask(ANSWERS)
    assert not room.told


def test_what_nobody_knows_cannot_be_told() -> None:
    """Nor can the room be shown something that there is not."""
    room = Room()
    room.ask(Histogram("Tea?", (Answer("Yes", 1),)))
    with pytest.raises(WrongUsage, match="Nobody knows which answer is right"):
        room.tell()
    with pytest.raises(WrongUsage, match="cannot be shown 'secrets'"):
        room.show("secrets")
    assert room.shows == "guesses"
