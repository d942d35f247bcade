"""What the audience is shown: a figure on which faults have no name, the lines of a request, counted predictions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.workshop_kit.display.recorded import Broken
from workshop_kit.display.timeline import Timeline
from workshop_kit.errors import WrongUsage
from workshop_kit.host import MIB
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.stats import Usage
from workshop_kit.observe.watcher import Tables, frame
from workshop_room.desk.audience import Countdown, GuessCounts, RequestLines, grade
from workshop_room.desk.audience_view import CHANGE, audience_timeline

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def second(number: int) -> datetime:
    """That many seconds before now."""
    return NOW - timedelta(seconds=number)


def shown(*faults: Broken) -> Timeline:
    """Two minutes of failing probes."""
    probes = ("/livez", "/health", "redis", "master-db")
    health = [Health(second(n), "service", what, "fail") for n in range(119, -1, -1) for what in probes]
    usage = [Usage(second(1), "service", cpu_percent=5.0, cpu_limit_percent=41.7, memory_limit_bytes=177 * MIB)]
    tables = Tables(health=frame(Health, health), resources=frame(Usage, usage))
    return audience_timeline(tables, faults, "service", NOW)


def test_overlapping_faults_are_one_band() -> None:
    """So they cannot be counted. One that ended before the time shown is none."""
    faults = [
        Broken("kill", "redis", second(60), second(30)),
        Broken("limits", "redis", second(55), second(45)),
        Broken("pause", "redis", second(40), None),
    ]
    assert [(band.started, band.ended) for band in shown(*faults).faults] == [(second(60), None)]
    assert "change" not in shown(Broken("kill", "redis", second(500), second(400))).text()


def test_nothing_that_the_audience_sees_names_a_fault() -> None:
    """No dependency has a row, no band a name, and no line the limit that a fault may have set."""
    text = shown(Broken("limits", "redis", second(60), None)).text()
    assert "/livez: fail since 11:58:01" in text
    assert f"{CHANGE} from 11:59:00 on." in text
    assert not [word for word in ("redis", "master-db", "0.417", "177") if word in text]


def test_lines_are_data_without_control_characters() -> None:
    """The page sets them as text, so markup stays text."""
    hostile = "<script>&\x1b[31m"
    state = RequestLines(hostile, (("other", f"{hostile} said"),)).state()
    assert state["lines"] == [("other", "<script>&\\x1b[31m said", "")]
    assert state["title"] == "1 log line of the request <script>&\\x1b[31m"


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Paused, it stands. tests/browser starts, pauses and sets it."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    for left in (40, 20):
        count.start()
        seconds[0] += count.seconds_left - left
        count.pause()
        seconds[0] += 500
        assert count.state() == {"seconds_left": left, "runs": False, "idle": False}


def test_a_countdown_stops_at_zero() -> None:
    """However long ago that was, also where it is paused then; a start begins with all the minutes."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    over = {"seconds_left": 0.0, "runs": False, "idle": False}
    count.start()
    seconds[0] += 61
    assert count.state() == over
    count.pause()
    seconds[0] += 500
    assert count.state() == over
    count.start()
    assert count.state() == {"seconds_left": 60.0, "runs": True, "idle": False}


@pytest.mark.parametrize("minutes", [0, 601, float("nan"), True, "5", None])
def test_a_countdown_takes_minutes(minutes: object) -> None:
    """Anything else is a sentence, and changes nothing."""
    count = Countdown()
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(minutes)
    assert count.seconds_left == 300


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("*a: 1\n*b: 2", "More than one answer is marked"),
        ("\n".join(f"a{number}: 1" for number in range(13)), "There are 13 answers"),
        ("green 23", "'green 23' is no answer with a count"),
        ("a" + " " * 200_000 + "x:", "is no answer with a count"),
        ("*" + "a:" * 100_000, "is no answer with a count"),
    ],
    ids=["two right", "too many", "no count", "spaces", "colons"],
)
def test_pasted_text_without_counts_is_refused_at_once(text: str, sentence: str) -> None:
    """One sentence says what is wrong; 200 kB in one line take no quadratic time: that would be hours."""
    with pytest.raises(WrongUsage, match=sentence):
        GuessCounts.of_text("Green?", text)


REQUEST = {"level": "warning", "route": "/orders", "status": 503}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (REQUEST, "error"),
        (REQUEST | {"status": None}, "error"),
        (REQUEST | {"route": "/readyz"}, "warning"),
        ({"level": {}, "status": "503"}, "other"),
    ],
    ids=str,
)
def test_a_failed_request_is_an_error_whatever_its_level(fields: dict[str, Any], expected: str) -> None:
    """As in the metrics: status 500 and above, or none. Probes are not counted there; other lines have their level."""
    assert grade(fields) == expected
