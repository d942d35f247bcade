"""What the audience is shown: countdown and stopwatch, by a clock that the test moves, and the lines of a request."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Countdown, RequestLines
from workshop_kit.instructor.clock import HEIGHT
from workshop_kit.instructor.log_tail import grade
from workshop_kit.instructor.script import DemoProgress, load_script


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


def test_the_stopwatch_counts_the_demo_and_the_step() -> None:
    """The first action starts both; another step begins anew; a restart sets both to zero."""
    seconds = [100.0]
    demo = DemoProgress(load_script(), lambda: seconds[0])

    def shown() -> tuple[int, float | None, float | None]:
        state = demo.state()
        return state["number"], state["step_seconds"], state["demo_seconds"]

    assert shown() == (1, None, None)
    demo.start()
    seconds[0] += 50
    demo.start()
    assert shown() == (1, 50, 50)
    demo.done = True
    demo.choose(2)
    assert not demo.done
    seconds[0] += 20
    assert shown() == (2, 20, 70)
    with pytest.raises(WrongUsage, match="There is no step 99"):
        demo.choose(99)
    assert shown() == (2, 20, 70)
    demo.restart()
    assert shown() == (2, 0, 0)


SPACE = "{http://www.w3.org/2000/svg}"


def rows(picture: str) -> list[ET.Element]:
    """The rows of text below the title."""
    return [one for one in ET.fromstring(picture).iter(f"{SPACE}text") if one.get("class") == "text"]


def test_lines_are_shown_as_they_were_written() -> None:
    """Wrapped, with the id marked and the grade beside each line; a title and a description say the same."""
    line = '{"level": "warning", "request_id": "tea-1", "msg": "' + "word " * 30 + '"}'
    picture = RequestLines("tea-1", (("error", line), ("other", "second"))).svg(alone=True)
    assert " ".join("".join(row.itertext()) for row in rows(picture)) == f"{line} second"
    assert [mark.text for mark in ET.fromstring(picture).iter(f"{SPACE}tspan")] == ["tea-1"]
    assert picture.count('class="bar error"') == picture.count('class="bar other"') == 1
    assert "2 log lines of the request tea-1" in picture


def test_more_lines_than_fit_end_with_an_ellipsis() -> None:
    """No row lies outside of the picture, however long the lines are."""
    found = rows(RequestLines("a", (("other", "x" * 5000),) * 50).svg())
    assert found[-1].text == "…"
    assert max(float(row.get("y", 0)) for row in found) <= HEIGHT


def test_hostile_lines_stay_text() -> None:
    """Neither markup nor control characters of a line or an id get into the picture."""
    hostile = "<script>&\x1b[31m\ud800"
    picture = RequestLines(hostile, (("other", f"{hostile} {hostile}"),)).svg()
    assert {one.tag.removeprefix(SPACE) for one in ET.fromstring(picture).iter()} <= {
        *("svg", "title", "desc", "defs", "pattern", "rect", "text", "tspan")
    }
    assert "\x1b" not in picture.encode().decode()


REQUEST = {"level": "warning", "route": "/orders", "status": 503}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (REQUEST, "error"),
        (REQUEST | {"status": None}, "error"),
        (REQUEST | {"status": 404}, "warning"),
        (REQUEST | {"route": "/readyz"}, "warning"),
        ({"level": "info", "status": 201, "route": "/orders"}, "other"),
        ({"level": "CRITICAL"}, "error"),
        ({"level": "warn"}, "warning"),
        ({}, "other"),
        ({"level": {}, "status": "503"}, "other"),
        ({"level": 7, "status": 503, "route": {}}, "error"),
    ],
    ids=str,
)
def test_a_failed_request_is_an_error_whatever_its_level(fields: dict[str, Any], expected: str) -> None:
    """As in the metrics: status 500 and above, or none. Probes are not counted there; other lines have their level."""
    assert grade(fields) == expected
