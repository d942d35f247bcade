"""Log lines at the desk: their grade, and the picture of the lines of one request."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from workshop_kit.instructor.audience import RequestLines
from workshop_kit.instructor.clock import HEIGHT
from workshop_kit.instructor.log_tail import grade

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
