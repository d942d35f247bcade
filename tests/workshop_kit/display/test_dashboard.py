"""The dashboard without a page: its data, pictures, choices and end."""

from __future__ import annotations

import threading
import time

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import EDGE, FAULT, HOSTILE, SECONDS, tables
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.axes import STATE_LOOKS
from workshop_kit.display.dashboard.dashboard import Choice, Dashboard, changed
from workshop_kit.display.dashboard.renderer import DashboardRenderer
from workshop_kit.display.dashboard.view import View, container_view, describe
from workshop_kit.display.live import Screens
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watch import Tables


class Recorded:
    """A recorded watcher."""

    names = ("service", "<b>naive</b>")

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """The recording, as if its last second were now."""
        found, shift = tables(container or "service"), pd.Timedelta(seconds=time.time() - EDGE)
        return Tables(*(one.assign(time=one["time"] + shift) for one in vars(found).values()))


def view(seconds: float = SECONDS, edge: float = EDGE, dependency: str = "redis") -> View:
    """The recording, seen at its end."""
    return container_view(tables(dependency=dependency), (FAULT,), "service", edge, seconds)


def test_only_what_matters_is_marked() -> None:
    """Start, end, OOM and health of the service and its dependencies; no other container, no pause."""
    labels = [mark.label for mark in view().marks]
    assert labels == ["redis unhealthy", "service out of memory", "service ended (137)", "service started"]


def test_resources_are_shares_of_their_limits() -> None:
    """25 % of a core with a limit of half a core is half of it; 179 of 256 MiB are 70 %."""
    lines = {line.label: line.last for line in view().plots[2].lines}
    assert lines["CPU of 0.5 cores"] == 50
    assert lines["memory of 256 MiB"] == pytest.approx(100 * 179 / 256)


def test_states_differ_in_more_than_color() -> None:
    """In hatching or in height, and each by its letter."""
    assert len({look.letter for look in STATE_LOOKS.values()}) == len(STATE_LOOKS)
    assert len({(look.hatch, look.height) for look in STATE_LOOKS.values()}) == len(STATE_LOOKS)


def test_pausing_and_looking_back_change_the_time_shown() -> None:
    """By half a window at a time, never past now; an unknown message changes nothing."""
    paused = changed(Choice("a", 120), {"pause": True}, ("a", "b"), 5000)
    assert paused == Choice("a", 120, 5000)
    assert changed(paused, {"turn": -1}, ("a",), 5000).until == 4940
    assert changed(paused, {"turn": 1}, ("a",), 5000).until == 5000
    assert changed(paused, {"pause": False}, ("a",), 5000) == Choice("a", 120)
    assert changed(paused, {"choose": "container", "value": "other"}, ("a",), 5000) == paused


def test_the_text_twin_is_short_and_has_values_faults_events_and_states() -> None:
    """At most 900 characters."""
    said = describe("T", view())
    for words in (
        "errors 0 (at most 12)",
        "Fault pause redis from 12:00:50 to 12:01:15",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in said
    assert len(said) < 900


def test_a_container_without_metrics_is_drawn_and_says_so() -> None:
    """Without any row, and without rows of requests."""
    empty = container_view(Tables(), (), "service", EDGE, 60)
    assert DashboardRenderer().png("T", empty)
    known = tables()
    silent = Tables(known.requests.assign(state="no metrics").iloc[:0], known.resources, known.health, known.events)
    assert "nothing that can be asked" in container_view(silent, (), "service", EDGE, 60).nothing
    no_metrics = known.requests.assign(state="no metrics", requests_per_second=float("nan"))
    seen = container_view(Tables(no_metrics, known.resources, known.health, known.events), (), "service", EDGE, 60)
    assert "no known /metrics" in seen.nothing


def test_names_from_outside_stay_text() -> None:
    """A dependency's name with markup, an escape and a formula is drawn as it is."""
    hostile = view(dependency=HOSTILE)
    assert hostile.rows[-1].name == "<b>cache</b>\\x1b[31m $x$"
    assert renderer.figure("T $x$", hostile)


def test_headless_it_is_a_picture_with_all_data(capsys: pytest.CaptureFixture[str]) -> None:
    """It draws once, leaves no thread, and escapes the tables."""
    board = Dashboard(Recorded(), lambda: [FAULT], title="<i>T</i>", headless_seconds=0.1)
    board.show(Screens(headless=True))
    shown = board.picture()
    assert "data:image/png" in shown.html
    assert "<i>" not in shown.html
    for name in ("Requests", "Resources", "Health", "Events", "Faults"):
        assert f"Data: {name}" in shown.html
    assert [thread for thread in threading.enumerate() if thread.name.startswith("live chart")] == []


def test_a_live_dashboard_stops_and_refuses_an_unknown_container() -> None:
    """Its thread ends with it; the error names the containers."""
    board = Dashboard(Recorded(), container="<b>naive</b>").show(Screens())
    assert board.is_running
    board.stop()
    assert not board.is_running
    with pytest.raises(WrongUsage, match="'other' is not watched"):
        Dashboard(Recorded(), container="other")
