"""What of a dependency's ups and downs is told: time here is a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workshop_app.flapping import SETTLED_SECONDS, TOLD_IN_A_ROW, Flapping, News


def told(*states: tuple[float, bool]) -> list[News | None]:
    """What each of these observations, (seconds, up), is worth."""
    story = Flapping()
    return [story.note(up=up, at_seconds=seconds) for seconds, up in states]


def test_an_outage_is_two_lines_at_once() -> None:
    """Nobody waits for the news that something is gone, or back; what has not changed is no news."""
    assert told((0, True), (1, False), (2, False), (3, True), (4, True)) == [None, News("down"), None, News("up"), None]


def test_outages_far_apart_are_all_told() -> None:
    """Only what comes soon after the last change is flapping."""
    rested = [(number * SETTLED_SECONDS, bool(number % 2)) for number in range(20)]
    assert [news.is_now for news in told(*rested) if news] == ["down", "up"] * 10


def test_flapping_is_said_once_and_summed_up_when_it_has_settled() -> None:
    """Whichever state it settles in, and not before it has kept it long enough."""
    flicker = [(number * 0.5, bool(number % 2)) for number in range(11)]
    first = ["down", "up", "down", "up", "flapping"]
    for settled in (False, True):
        last = (5.5, True) if settled else (5.0, False)
        news = told(*flicker, last, (last[0] + SETTLED_SECONDS - 0.1, settled), (last[0] + SETTLED_SECONDS, settled))
        assert [one.is_now if one else None for one in news[:5]] == first
        assert news[5:-1] == [None] * (len(news) - 6)
        assert news[-1] == News("up" if settled else "down", 8 if settled else 7)


def test_a_change_after_it_has_settled_unseen_is_told_with_all_before_it() -> None:
    """Nobody asked meanwhile: nothing is lost from the count."""
    flicker = [(number * 0.5, bool(number % 2)) for number in range(8)]
    assert told(*flicker, (100, False))[-1] == News("down", 5)


@given(st.lists(st.tuples(st.floats(0.0, 15.0), st.booleans()), max_size=200))
def test_every_change_is_counted_and_lines_are_few(steps: list[tuple[float, bool]]) -> None:
    """The lines sum up every change, the last says how it is, and in no ten seconds are there many."""
    story, now, changes, was = Flapping(), 0.0, 0, True
    lines: list[tuple[float, News]] = []
    for wait, up in [*steps, (SETTLED_SECONDS, steps[-1][1] if steps else True)]:
        now += wait
        changes, was = changes + (up is not was), up
        if news := story.note(up=up, at_seconds=now):
            lines.append((now, news))
    states = [news for _, news in lines if news.is_now != "flapping"]
    assert sum(news.changes for news in states) == changes
    assert not states or (states[-1].is_now == "up") is was
    for start, _ in lines:
        assert sum(start <= at < start + SETTLED_SECONDS for at, _ in lines) <= TOLD_IN_A_ROW + 2
