"""What the audience is shown: a clock on which faults have no name, the lines of a request, counted predictions."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import Broken
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Countdown, GuessCounts, OptionCount, RequestLines
from workshop_kit.instructor.clock import CHANGED, Clock, clock, describe, grade, svg
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.watch import Tables, frame

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NO_LINES = pd.DataFrame(columns=["time", "grade"]).astype({"time": "datetime64[us, UTC]"})
SECRETS = ("half_open", "master-db", "backlog_full", "redis")


def second(number: int) -> datetime:
    """That many seconds before now."""
    return NOW - timedelta(seconds=number)


def shown(*faults: Broken, state: str = "fail") -> Clock:
    """Two minutes in which probes have this state."""
    probes = ("/livez", "/health", "redis", "master-db")
    health = [Health(second(n), "service", what, state) for n in range(119, -1, -1) for what in probes]
    return clock(Tables(health=frame(Health, health)), NO_LINES, faults, "service", NOW.timestamp(), 120.0)


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


def test_hostile_names_stay_text() -> None:
    """The picture parses, and has no element and no control character of what a container answers."""
    hostile = '"><img src=x onerror=alert(1)>\x1b[31m'
    text = svg(shown(state=hostile))
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
    assert "img" not in names
    assert "\x1b" not in text


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Started, paused, started again, set; below zero it says how far over time it is; idle until it is started."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    seconds[0] += 50
    assert count.state() == {"seconds_left": 60, "runs": False, "idle": True}
    count.start()
    seconds[0] += 20
    count.start()
    assert count.state() == {"seconds_left": 40, "runs": True, "idle": False}
    for _ in range(2):
        count.pause()
        seconds[0] += 500
        assert count.state() == {"seconds_left": 40, "runs": False, "idle": False}
    count.start()
    seconds[0] += 50
    assert count.seconds_left == -10
    count.set(2)
    assert count.state() == {"seconds_left": 120, "runs": False, "idle": True}


@pytest.mark.parametrize("minutes", [0, 601, float("nan"), True, "5", None])
def test_a_countdown_takes_minutes(minutes: object) -> None:
    """Anything else is a sentence, and changes nothing."""
    count = Countdown()
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(minutes)
    assert count.seconds_left == 300


def test_pasted_counts() -> None:
    """A line an answer; a star before the right one; a colon may stand in an answer."""
    pasted = GuessCounts.of_text(" Does it\nstay green? ", "It stays green: 23\n\n * It turns red: at once: 8 \n")
    assert pasted.question == "Does it stay green?"
    assert pasted.answers == (OptionCount("It stays green", 23), OptionCount("It turns red: at once", 8, right=True))


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


def test_hostile_lines_stay_text() -> None:
    """Neither markup nor control characters of a line or an id get into the picture."""
    hostile = "<script>&\x1b[31m\ud800"
    picture = RequestLines(hostile, (("other", f"{hostile} {hostile}"),)).svg()
    names = {one.tag.rpartition("}")[2] for one in ET.fromstring(picture).iter()}
    parts = {"svg", "title", "desc", "defs", "pattern", "rect", "text", "foreignObject"}
    assert names - parts == {"ol", "li", "i", "span", "b"}
    assert "\x1b" not in picture.encode().decode()


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
