"""The dashboard without a page, and an incident on one time axis."""

from __future__ import annotations

import pytest

from tests.workshop_kit.display.recorded import EDGE, FAULT, HOSTILE, SECONDS, lines, tables
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.renderer import DashboardRenderer
from workshop_kit.display.dashboard.view import View, container_view
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.observe.watch import Tables


def view(seconds: float = SECONDS, edge: float = EDGE, dependency: str = "redis") -> View:
    """The recording, seen at its end."""
    return container_view(tables(dependency=dependency), (FAULT,), "service", edge, seconds)


def test_only_what_matters_is_marked_and_resources_are_shares_of_their_limits() -> None:
    """No other container, no pause; 25 % of a core with a limit of half a core is half, 179 of 256 MiB are 70 %."""
    labels = [mark.label for mark in view().marks]
    assert labels == ["redis unhealthy", "service out of memory", "service ended (137)", "service started"]
    lines = {line.label: line.last for line in view().plots[2].lines}
    assert lines["CPU of 0.5 cores"] == 50
    assert lines["memory of 256 MiB"] == pytest.approx(100 * 179 / 256)


def test_any_name_and_a_container_without_metrics_are_drawn() -> None:
    """A name with markup, an escape and a formula stays text; without rows or known metrics the picture says so."""
    hostile = view(dependency=HOSTILE)
    assert hostile.rows[-1].name == "<b>cache</b>\\x1b[31m $x$"
    assert renderer.figure("T $x$", hostile)
    empty = container_view(Tables(), (), "service", EDGE, 60)
    assert DashboardRenderer().png("T", empty)
    assert "nothing that can be asked" in empty.nothing
    known = tables()
    no_metrics = known.requests.assign(state="no metrics", requests_per_second=float("nan"))
    seen = container_view(Tables(no_metrics, known.resources, known.health, known.events), (), "service", EDGE, 60)
    assert "no known /metrics" in seen.nothing


def test_everything_stands_on_one_axis() -> None:
    """Lines by level, errors, p95, states, events and the fault; half a minute before it and after."""
    shown = one_clock("The cache stands still", logs=lines(), tables=tables(), faults=[FAULT])
    assert "85 seconds until 12:01:45" in shown.text
    for words in (
        "of all requests 0 (at most 60)",
        "p95 12 (at most 2,000)",
        "Fault pause redis",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in shown.text
    assert "85 info, 25 warning, 1 error, 1 other in all" in shown.text
    assert "Warnings and errors: 26 lines, 2 different" in shown.html
    assert shown.html.count('<th scope="row">') == 2  # the one error does not drown
