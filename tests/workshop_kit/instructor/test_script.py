"""The demo's script: what it clicks and expects exists, and an expectation that does not hold is noticed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.instructor.log_tail import LINE_COLUMNS
from workshop_kit.instructor.script import Expectation, load_script
from workshop_kit.observe.frames import frame
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.scraper import Health

EARLY, LATE = (datetime(2026, 5, 1, 12, minute, tzinfo=UTC) for minute in (0, 5))
NO_LINES = pd.DataFrame(columns=LINE_COLUMNS).astype({"time": "datetime64[us, UTC]"})
HEAD = 'title = "T"\nwhen = "Now."\n'
STEP = '[[step]]\nid = "a"\ntitle = "A"\nminutes = 1\nsay = "So."\n'


def test_the_demo_is_ten_minutes_in_about_eight_steps() -> None:
    """Every step has text, clicks and expectations."""
    script = load_script()
    assert (len(script.steps), script.minutes) == (8, 10)
    for step in script.steps:
        assert step.clicks, step.id
        assert step.expectations, step.id
        assert 20 <= len(step.say.split()) <= 30 + 130 * step.minutes, step.id  # people speak 130 words a minute
    assert len({step.id for step in script.steps}) == 8


def test_the_demo_says_what_it_gives_away() -> None:
    """It is for after lesson 00; game day's Tuesday is an encore, after the step that undoes all."""
    script = load_script()
    assert "After lesson 00" in script.when
    *_, last, encore = script.steps
    assert {"undo-all", "show"} <= {click.action for click in last.clicks}
    assert [click.fault for click in encore.clicks if click.fault] == ["limits"]
    assert "game day (05)" in script.when
    assert "Stop here" in encore.note
    assert not [step.id for step in script.steps[:-1] for click in step.clicks if click.fault == "limits"]


def test_expected_columns_exist_in_the_tables() -> None:
    """In the watcher's, and in that of the log lines."""
    tables = Tables()
    for step in load_script().steps:
        for one in step.expectations:
            table = NO_LINES if one.table == "lines" else getattr(tables, one.table)
            assert {one.column, *one.where} <= set(table.columns), step.id


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('do = [{ action = "explode" }]', "action: Input should be"),
        ('do = [{ action = "fault", fault = "latency", target = "redis", parameters = { latency_ms = -1 } }]', "-1"),
        ('do = [{ action = "load", request = "GET /secrets" }]', "is no load"),
        ('do = [{ action = "show", what = "secrets" }]', "cannot be shown"),
        ("sees = []", "sees: Extra inputs"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(tmp_path: Path, more: str, said: str) -> None:
    """One sentence when it is read says where and what is wrong."""
    path = tmp_path / "demo.toml"
    path.write_text(f"{HEAD}{STEP}{more}\n")
    with pytest.raises(WorkshopError, match=rf"^demo.toml cannot be used: step\.0\..*{said}"):
        load_script(path)
    path.write_text(f"{HEAD}{STEP}")
    assert load_script(path).steps[0].picture == "01-a.svg"


def test_the_newest_row_since_the_click_decides() -> None:
    """Older rows do not count, nor a value that a newer row has replaced."""
    health = [Health(EARLY, "service", "/health", "fail"), Health(LATE, "service", "/health", "pass")]
    tables = Tables(health=frame(Health, health))
    expected = Expectation(table="health", column="state", where={"what": "/health"}, equals="fail")
    assert not expected.fits(expected.found(tables, NO_LINES, pd.Timestamp(EARLY)))
    only_old = Tables(health=frame(Health, health[:1]))
    assert expected.fits(expected.found(only_old, NO_LINES, pd.Timestamp(EARLY)))
    assert expected.found(only_old, NO_LINES, pd.Timestamp(LATE)) is None
    assert not expected.fits(None)


def test_numbers_lie_between_their_ends() -> None:
    """Ends are included; NaN is in no range."""
    expected = Expectation(table="requests", column="p95_ms", at_least=10, at_most=20)
    assert [expected.fits(value) for value in (9, 10, 20.0, 21, float("nan"), None)] == [
        False,
        True,
        True,
        *[False] * 3,
    ]
