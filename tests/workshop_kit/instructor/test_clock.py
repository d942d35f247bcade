"""The audience's clock: symptoms and a band without a name, as data and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pandas as pd

from tests.workshop_kit.display.recorded import Broken
from workshop_kit.instructor.clock import (
    CHANGED,
    HEIGHT,
    LEAST_MILLISECONDS,
    SLOW_AT,
    WIDTH,
    Clock,
    clock,
    describe,
    svg,
)
from workshop_kit.observe.scrape import Health, Traffic
from workshop_kit.observe.stats import Usage
from workshop_kit.observe.watch import Tables, frame, with_cpu_limits

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NO_LINES = pd.DataFrame(columns=["time", "grade"]).astype({"time": "datetime64[us, UTC]"})
SECRETS = ("half_open", "master-db", "backlog_full", "redis")


def second(number: int) -> datetime:
    """That many seconds before now."""
    return NOW - timedelta(seconds=number)


def shown(*faults: Broken, grades: tuple[str, ...] = ("other", "error"), slowest: float = 900.0) -> Clock:
    """Two minutes: well, then every order fails, and the kernel holds the service back in 3 of 4 periods."""
    traffic = [
        Traffic(second(n), "service", "ok", 20.0, 20.0 if n < 40 else 0.0, 0.0, 0.0, 5.0, slowest if n < 40 else 8.0)
        for n in range(119, -1, -1)
    ]
    health = [
        Health(second(n), "service", what, "fail" if n < 40 and what != "/livez" else "pass")
        for n in range(119, -1, -1)
        for what in ("/livez", "/health", "redis", "master-db")
    ]
    usage = [Usage(second(n), "service", throttled_percent=75.0 if n < 40 else 0.0) for n in range(119, -1, -1)]
    resources = with_cpu_limits(frame(Usage, usage), {})
    tables = Tables(frame(Traffic, traffic), resources, frame(Health, health))
    lines = pd.DataFrame(
        [(second(n), grade) for n in range(119, -1, -1) for grade in grades], columns=["time", "grade"]
    ).astype({"time": "datetime64[us, UTC]"})
    return clock(tables, lines, faults, "service", NOW.timestamp(), 120.0)


def test_a_fault_is_a_band_without_a_name() -> None:
    """Words and picture have its start and end, but neither the fault nor its target."""
    one = shown(Broken("half_open", "master-db", second(40), second(10)))
    assert [(band.start, band.end) for band in one.bands] == [(-40.0, -10.0)]
    picture = svg(one)
    assert picture.count('class="band"') == 1
    assert CHANGED in picture
    assert CHANGED.capitalize() in describe(one)
    assert not [secret for secret in SECRETS if secret in picture + describe(one)]


def test_overlapping_faults_are_one_band() -> None:
    """So they cannot be counted. One that ended before the time shown is none."""
    faults = [Broken("kill", "redis", second(60), second(30)), Broken("pause", "redis", second(40), None)]
    assert [(band.start, band.end) for band in shown(*faults).bands] == [(-60.0, 0.0)]
    assert CHANGED not in svg(shown(Broken("kill", "redis", second(500), second(400))))


def test_only_probes_are_rows() -> None:
    """The dependencies in /health would name the target."""
    assert [row.name for row in shown().rows] == ["/livez", "/health"]


def test_the_picture_is_sound_and_holds_its_words() -> None:
    """It parses, has a title and a description, and stays within its frame and under 100 kB."""
    text = svg(shown(Broken("kill", "redis", second(40), None)), alone=True)
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title") is not None
    assert "/health: fail" in (root.find(f"{space}desc").text or "")  # type: ignore[union-attr]
    assert len(text) < 100_000
    for rect in root.iter(f"{space}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width", 0)) <= WIDTH
        assert float(rect.get("y", 0)) + float(rect.get("height", 0)) <= HEIGHT


def test_the_share_of_periods_held_back_has_a_panel() -> None:
    """Its newest value stands beside it and in the words; without a sample it is a dash."""
    assert "kernel cut short: 75 %" in describe(shown())
    assert ">75 %</text>" in svg(shown())
    assert "kernel cut short: – %" in describe(clock(Tables(), NO_LINES, (), "service", NOW.timestamp(), 120.0))


def test_failed_requests_and_errors_in_the_log_are_counted_alike() -> None:
    """Both per second: an order that fails each second is an error each second."""
    one = shown()
    assert "Log lines per second: 1.0 error, 0 warning, 1.0 other." in describe(one)
    assert ">1.0 errors</text>" in svg(one)


def test_the_axis_of_answers_is_linear() -> None:
    """Twice the time is twice the height: from the bottom of the panel, which is zero, to a round number."""

    def highest(slowest: float) -> float:
        found = ET.fromstring(svg(shown(slowest=slowest))).find(".//*[@class='line slow']")
        assert found is not None
        return SLOW_AT[1] - min(float(point.split(",")[1]) for point in found.get("points", "").split())

    full = SLOW_AT[1] - SLOW_AT[0]
    assert abs(highest(450.0) - full * 450 / 500) < 1
    assert abs(highest(900.0) - full * 900 / 1000) < 1
    assert abs(highest(20.0) - full * 20 / LEAST_MILLISECONDS) < 1


def test_the_legend_names_only_what_is_there() -> None:
    """Grades without a line in the time shown are left out."""
    legends = [
        [name for name in ("errors", "warnings", "others") if f">{name}</text>" in svg(shown(grades=grades))]
        for grades in (("other",), ("warning", "other"), ("error", "warning", "other"))
    ]
    assert legends == [["others"], ["warnings", "others"], ["errors", "warnings", "others"]]


def test_hostile_names_stay_text() -> None:
    """The picture parses, and has no element and no control character of what a container answers."""
    hostile = '"><img src=x onerror=alert(1)>\x1b[31m'
    health = frame(Health, [Health(second(5), "service", "/livez", hostile)])
    text = svg(clock(Tables(health=health), NO_LINES, (), "service", NOW.timestamp(), 120.0))
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
    assert "img" not in names
    assert "\x1b" not in text
