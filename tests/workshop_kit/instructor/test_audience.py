"""What the audience is shown: a clock on which faults have no name, the lines of a request, counted predictions."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import Broken
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Countdown, GuessCounts, RequestLines
from workshop_kit.instructor.clock import CHANGED, Clock, clock, grade, svg
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.watch import Tables, frame

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NO_LINES = pd.DataFrame(columns=["time", "grade"]).astype({"time": "datetime64[us, UTC]"})


def second(number: int) -> datetime:
    """That many seconds before now."""
    return NOW - timedelta(seconds=number)


def shown(*faults: Broken, state: str = "fail") -> Clock:
    """Two minutes in which probes have this state."""
    probes = ("/livez", "/health", "redis", "master-db")
    health = [Health(second(n), "service", what, state) for n in range(119, -1, -1) for what in probes]
    return clock(Tables(health=frame(Health, health)), NO_LINES, faults, "service", NOW.timestamp(), 120.0)


def test_overlapping_faults_are_one_band() -> None:
    """So they cannot be counted. One that ended before the time shown is none."""
    faults = [Broken("kill", "redis", second(60), second(30)), Broken("pause", "redis", second(40), None)]
    assert [(band.start, band.end) for band in shown(*faults).bands] == [(-60.0, 0.0)]
    assert CHANGED not in svg(shown(Broken("kill", "redis", second(500), second(400))))


HOSTILE = '"><img src=x onerror=alert(1)><script>&\x1b[31m'


@pytest.mark.parametrize(
    "picture",
    [svg(shown(state=HOSTILE)), RequestLines(HOSTILE, (("other", f"{HOSTILE} {HOSTILE}\ud800"),)).svg()],
    ids=["state", "lines"],
)
def test_hostile_texts_stay_text(picture: str) -> None:
    """The picture parses, and has neither markup nor control characters of a container's answer, line or id."""
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(picture).iter()}
    assert not names & {"img", "script"}
    assert "\x1b" not in picture.encode().decode()


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Paused, it stands; below zero it says how far over time it is. tests/browser starts, pauses and sets it."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    for left in (40, 20, -10):
        count.start()
        seconds[0] += count.seconds_left - left
        count.pause()
        seconds[0] += 500
        assert count.state() == {"seconds_left": left, "runs": False, "idle": False}


@pytest.mark.parametrize("minutes", [0, 601, float("nan"), True, "5", None])
def test_a_countdown_takes_minutes(minutes: object) -> None:
    """Anything else is a sentence, and changes nothing."""
    count = Countdown()
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(minutes)
    assert count.seconds_left == 300


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("*a: 1\n*b: 2", "More than one answer is marked"),
        ("\n".join(f"a{number}: 1" for number in range(13)), "There are 13 answers"),
        ("green 23", "'green 23' is no answer with a count"),
        ("a" + " " * 200_000 + "x:", "is no answer with a count"),
        ("*" + "a:" * 100_000, "is no answer with a count"),
    ],
    ids=["two right", "too many", "no count", "spaces", "colons"],
)
def test_pasted_text_without_counts_is_refused_at_once(text: str, said: str) -> None:
    """One sentence says what is wrong; 200 kB in one line take no quadratic time: that would be hours."""
    with pytest.raises(WrongUsage, match=said):
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
