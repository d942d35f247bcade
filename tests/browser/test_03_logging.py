"""Lesson 03 in JupyterLab: all of it at once, hostile lines included, and the explorer used by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(900)]
LESSON = "03_logging"
PHOTOGRAPHED = (
    *("map", "deploy", "forged", "frame", "tail", "find", "explore", "panel-logging-cause", "look"),
    *("errors-chart", "latency-chart", "level", "jq", "hold-table", "losses", "modes", "board"),
)


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    with lessons.opened(lab, workspace, LESSON) as page:
        yield page


def numbers(lesson: LabPage, cell_id: str, first: str) -> list[int]:
    """The columns of a table's row that hold whole numbers."""
    return [int(text) for text in lessons.row(lesson, LESSON, cell_id, first) if text.isdecimal()]


def teapots(lesson: LabPage, cell_id: str) -> int:
    """How often an order that is not there was asked for, as one of the three ways says it."""
    text = lesson.output(lessons.position(LESSON, cell_id)).inner_text()
    found = re.search(r"/orders/\{order_id\}\W+404\W+([1-9]\d*)", text)
    assert found, text
    return int(found[1])


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The lost tea, the forged line, the found request, equal answers, lost lines: measured, and no script ran."""
    lessons.run_all(lesson, LESSON, within_seconds=420)
    seen: dict[str, str | re.Pattern[str]] = {
        "naive": re.compile(r"docker logs \w+\s*\$ docker diff \w+\s.*A /tmp/service\.log", re.DOTALL),
        "reveal-deploy": re.compile("It did.*Nowhere", re.DOTALL),
        "forged": re.compile("CRITICAL.*bank.*somebody sold the database", re.DOTALL),
        "frame": re.compile(r"/orders/teapot\s*404"),
        "crowd": "exit 0",
        "collected": "logs/workshop/",
        "find": re.compile(r"invoices\s*warning\s*request\s*503"),
        "exercise-logging-stdout": "One line, one event",
        "reveal-losses": re.compile("It did.*All that came in", re.DOTALL),
    }
    lessons.expect_texts(lesson, LESSON, seen)
    assert lessons.row(lesson, LESSON, "deploy", "the log file") == ["True", "False"]
    assert lessons.row(lesson, LESSON, "deploy", "docker logs") == ["False", "False"]
    chart = lesson.output(lessons.position(LESSON, "errors-chart")).locator("img").first
    expect(chart).to_have_attribute("alt", re.compile(r"2xx: ok [1-9]\d\d"))
    answers = {ask: teapots(lesson, ask) for ask in ("pandas", "sql", "jq")}
    assert answers == dict.fromkeys(answers, answers["jq"])
    for level, lines in (("info", 0), ("debug", 5)):
        assert numbers(lesson, "level", level) == [200, lines]
    naive, yours = numbers(lesson, "hold-table", "lines in docker logs")
    assert (naive, yours > 5) == (0, True)
    assert numbers(lesson, "hold-table", "lines left after a deploy") == [0, yours]
    assert numbers(lesson, "hold-table", "those that say: order placed") == [0, 1]
    assert numbers(lesson, "hold-table", "lines that a customer wrote") == [1, 0]
    broken, _ = numbers(lesson, "hold-table", "lines that are no JSON")
    assert broken > 5
    written, arrived, lost, _ = numbers(lesson, "losses", "syslog driver")
    assert (arrived + lost, lost > 0) == (written, True)
    assert numbers(lesson, "losses", "files and collector") == [written, written, 0, 0]
    rows = lesson.output(lessons.position(LESSON, "modes")).locator("tr").all()
    modes = [one.locator("th, td").all_inner_texts() for one in rows[1:]]
    lost_lines, seconds = [int(mode[5]) for mode in modes], [float(mode[7]) for mode in modes]
    assert (lost_lines[:2], lost_lines[3] > lost_lines[2] > 0) == ([0, 0], True)
    assert seconds[1] >= float(modes[1][2]) > 0
    assert max(seconds[2:]) < seconds[1]
    assert lesson.page.evaluate("window.__planted") is None
    lessons.photograph(lesson, LESSON, PHOTOGRAPHED)
    assert lesson.errors == []
