"""The dashboard without a page: what is read out of the tables, what is drawn, what is chosen, how it ends."""

from __future__ import annotations

import itertools
import threading
import time

import pandas as pd
import pytest

from tests.workshop_kit.show.recorded import DEAD, EDGE, FAULT, HOSTILE, PAUSED, SECONDS, Broken, at, tables
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watching import Tables
from workshop_kit.show.dashboard.dashboard import Choice, Dashboard, changed
from workshop_kit.show.dashboard.panels import in_words, of_container
from workshop_kit.show.dashboard.sheet import Sheet
from workshop_kit.show.dashboard.states import LOOKS
from workshop_kit.show.dashboard.strip import LETTER, placed
from workshop_kit.show.dashboard.view import HOLD_SECONDS, Mark, Span, View, rows, spans
from workshop_kit.show.live import Screens


class Recorded:
    """Something that has gathered, and moves on to the clock of the test."""

    names = ("service", "<b>naive</b>")

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """The recording, as if its last second were now."""
        found, shift = tables(container or "service"), pd.Timedelta(seconds=time.time() - EDGE)
        return Tables(*(one.assign(time=one["time"] + shift) for one in vars(found).values()))


def view(seconds: float = SECONDS, edge: float = EDGE, dependency: str = "redis") -> View:
    """The recording, seen at its end."""
    return of_container(tables(dependency=dependency), (FAULT,), "service", edge, seconds)


def test_equal_states_are_one_run_and_silence_is_none() -> None:
    """The cache: well, failing, well, not known while the service was gone, well."""
    found = {row.name: [(run.state, round(run.end - run.start)) for run in row.runs] for row in view().rows}
    known = ("pass", DEAD.start - PAUSED.stop - 1 + round(HOLD_SECONDS))
    assert found["redis"] == [("pass", 50), ("fail", len(PAUSED)), known, ("pass", SECONDS - DEAD.stop)]
    assert [state for state, _ in found["/livez"]] == ["pass", "no answer", "pass"]


def test_a_window_cuts_what_lies_outside_of_it() -> None:
    """Bands and runs begin at its left edge; what ended before it or comes after its right edge is not there."""
    late = view(seconds=30, edge=at(70).timestamp())
    assert [(span.start, span.end) for span in late.spans] == [(-20, 0)]
    assert late.marks[0].label == "redis unhealthy"
    assert min(run.start for row in late.rows for run in row.runs) >= -30
    assert view(seconds=20).spans == ()
    assert all(line.x.max() <= 0 for plot in late.plots for line in plot.lines)


def test_a_fault_still_in_force_reaches_the_edge() -> None:
    """One that began after the time shown is not there; names are one line."""
    open_ended = Broken("pause\n", "redis", at(100), None)
    later = Broken("pause", "redis", at(121), None)
    assert spans([later, open_ended], EDGE, 60) == (Span(-20, 0, "pause\\n redis"),)


def test_only_what_matters_is_marked() -> None:
    """Of the service and its dependencies: started, ended, out of memory, health; not the neighbors, not a pause."""
    labels = [mark.label for mark in view().marks]
    assert labels == ["redis unhealthy", "service out of memory", "service ended (137)", "service started"]


def test_resources_are_shares_of_their_limits() -> None:
    """25 % of a core with a limit of half a core is half of it; 179 of 256 MiB are 70 %."""
    lines = {line.label: line.last for line in view().plots[2].lines}
    assert lines["CPU of 0.5 cores"] == 50
    assert lines["memory of 256 MiB"] == pytest.approx(100 * 179 / 256)


def test_names_in_the_strip_do_not_touch() -> None:
    """However close events lie; all of them have their mark."""
    marks = [Mark(-x / 3, "stop", f"service number {x} ended") for x in range(30)][::-1]
    names, levels = placed([Span(-9, -3, "pause redis"), Span(-7, -1, "limits service")], marks, 10)
    assert len(levels) == len(marks)
    assert {"pause redis", "limits service"} <= {name.text for name in names}
    boxes = []
    for name in names:
        width = len(name.text) * LETTER * 10
        boxes.append((name.level, name.x - width if name.left else name.x, name.x if name.left else name.x + width))
    for one, other in itertools.combinations(boxes, 2):
        assert one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]


def test_the_gravest_events_get_the_room() -> None:
    """Where names would collide, the end for want of memory goes before a start; the own name is left out."""
    marks = [Mark(-5, "start", "service started"), Mark(-5, "oom", "service out of memory"), Mark(-5, "stop", "x")]
    names, _ = placed([], marks, 10, "service")
    assert [name.text for name in names if name.level == 1] == ["x", "started"]
    assert [name.text for name in names if name.level == 0] == ["out of memory"]
    crowded = [Mark(-5, kind, kind * 9) for kind in ("start", "start", "oom", "oom", "stop", "stop")]
    assert [name.text for name in placed([], crowded, 10)[0]][:2] == ["oom" * 9, "oom" * 9]


def test_states_differ_in_more_than_color() -> None:
    """In hatching or in height, and each by its letter."""
    assert len({look.letter for look in LOOKS.values()}) == len(LOOKS)
    assert len({(look.hatch, look.height) for look in LOOKS.values()}) == len(LOOKS)


def test_the_text_says_what_the_picture_shows_in_few_words() -> None:
    """Values, the fault, events and states; a screen reader reads no more than 900 characters as a name."""
    said = in_words("T", view())
    for words in (
        "errors 0 (at most 12)",
        "Fault pause redis from 12:00:50 to 12:01:15",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in said
    assert len(said) < 900


def test_only_a_change_of_scale_draws_all_again() -> None:
    """Time that goes on costs no redraw, another window one; frames differ all the same."""
    sheet = Sheet()
    pictures = {sheet.png("T", view(edge=EDGE + second)) for second in range(3)}
    assert len(pictures) == 3
    assert sheet.redraws == 1
    sheet.png("T", view(seconds=30))
    assert sheet.redraws == 2


def test_a_container_without_metrics_is_drawn_and_says_so() -> None:
    """No table has a row of it, or requests have none: a sentence, not an error."""
    empty = of_container(Tables(), (), "service", EDGE, 60)
    assert Sheet().png("T", empty)
    known = tables()
    silent = Tables(known.requests.assign(state="no metrics").iloc[:0], known.resources, known.health, known.events)
    assert "nothing that can be asked" in of_container(silent, (), "service", EDGE, 60).nothing
    no_metrics = known.requests.assign(state="no metrics", requests_per_second=float("nan"))
    seen = of_container(Tables(no_metrics, known.resources, known.health, known.events), (), "service", EDGE, 60)
    assert "no /metrics of ours" in seen.nothing


def test_names_from_outside_stay_text() -> None:
    """A dependency's name with markup, an escape and a formula draws no formula, and is escaped on the page."""
    hostile = view(dependency=HOSTILE)
    assert hostile.rows[-1].name == "<b>cache</b>\\x1b[31m $x$"
    assert Sheet().figure("T $x$", hostile)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"choose": "container", "value": "b"}, Choice("b", 120)),
        ({"choose": "container", "value": "other"}, Choice("a", 120)),
        ({"choose": "seconds", "value": "600"}, Choice("a", 600)),
        ({"choose": "seconds", "value": "1e9"}, Choice("a", 120)),
        ({"pause": True}, Choice("a", 120, 5000)),
        ({"pause": False}, Choice("a", 120)),
        ({"turn": -1}, Choice("a", 120)),
        ({"hello": True}, Choice("a", 120)),
    ],
)
def test_what_the_page_sends_is_a_choice(message: dict[str, object], expected: Choice) -> None:
    """What makes no sense changes nothing."""
    assert changed(Choice("a", 120), message, ("a", "b"), 5000) == expected


def test_looking_back_ends_where_the_history_does() -> None:
    """Half a window at a time, never past now, never further than is kept; a longer window stays where it is."""
    paused = Choice("a", 120, 5000)
    assert changed(paused, {"turn": -1}, ("a",), 5000).until == 4940
    assert changed(paused, {"turn": 1}, ("a",), 5000).until == 5000
    assert changed(Choice("a", 120, 3330), {"turn": -1}, ("a",), 5000).until == 3320
    assert changed(paused, {"choose": "seconds", "value": "30"}, ("a",), 6000).until == 5000


def test_headless_it_is_a_picture_with_all_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches it draws once, leaves no thread, and the tables are escaped."""
    board = Dashboard(Recorded(), lambda: [FAULT], title="<i>T</i>", headless_seconds=0.1)
    board.show(Screens(headless=True))
    shown = board.picture()
    assert "data:image/png" in shown.html
    assert "<i>" not in shown.html
    for name in ("Requests", "Resources", "Health", "Events", "Faults"):
        assert f"Data: {name}" in shown.html
    assert [thread for thread in threading.enumerate() if thread.name.startswith("live chart")] == []


def test_live_it_ends_at_once_and_what_is_not_watched_is_refused() -> None:
    """Its thread ends with it; a wrong container is named with those there are."""
    board = Dashboard(Recorded(), container="<b>naive</b>").show(Screens())
    assert board.is_running
    started = time.monotonic()
    board.stop()
    assert not board.is_running
    assert time.monotonic() - started < 30
    with pytest.raises(WrongUsage, match="'other' is not watched"):
        Dashboard(Recorded(), container="other")


def test_rows_without_order_or_data() -> None:
    """A table without rows gives none."""
    assert rows(tables().health.iloc[:0], EDGE, 60) == ()
