"""The demo: its script clicks and expects what exists, it can be played, and what does not hold is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.workshop_kit.instructor.conftest import Pages
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.faults.injection import Journal
from workshop_kit.instructor.log_tail import LINE_COLUMNS
from workshop_kit.instructor.rehearsal import rehearse
from workshop_kit.instructor.script import PICTURES, Click, Expectation, as_page, load_script
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.watch import Tables, frame

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


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_demo_can_be_played(root: Path, clean_environment: dict[str, str]) -> None:
    """``./workshop tour --demo --json`` as it is typed: every step is seen, with its seconds."""
    environment = {**clean_environment, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "workshop_kit.cli", "tour", "--demo", "--json", "--no-install"]
    said = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == Exit.GOOD, said.stdout + said.stderr
    results = json.loads(said.stdout)
    assert [result["id"] for result in results] == [step.id for step in load_script().steps]
    assert [result["problem"] for result in results] == [""] * len(results)
    assert all(result["seconds"] > 0 for result in results)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_expectation_that_does_not_hold_fails_its_step_alone(pages: Pages, tmp_path: Path) -> None:
    """The problem says the value found; the step's old picture stays, pictures of no step go, others are drawn."""
    script = load_script()
    first = script.steps[0].model_copy(update={"look_seconds": 0.0})
    never = Expectation(table="health", column="state", where={"what": "/livez"}, equals="fail")
    quiet = first.model_copy(
        update={"number": 2, "id": "never", "clicks": (), "expectations": (never,), "within_seconds": 3.0}
    )
    gone = Click(action="fault", fault="pause", target="nobody")
    broken = first.model_copy(update={"number": 3, "id": "broken", "clicks": (gone,), "expectations": ()})
    (tmp_path / "09-old.svg").write_text("old")
    (tmp_path / "02-never.svg").write_text("recorded")
    results = rehearse(pages.controller, script.model_copy(update={"steps": (first, quiet, broken)}), pictures=tmp_path)
    assert [bool(result.problem) for result in results] == [False, True, True]
    assert "health /livez: state is fail (it is pass)" in results[1].problem
    assert "no container 'nobody'" in results[2].problem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-well.svg", "02-never.svg", "README.md"]
    assert (tmp_path / "02-never.svg").read_text() == "recorded"
    assert Journal(pages.controller.stack.session).entries() == []


def test_every_step_has_its_recorded_picture() -> None:
    """One for each step, small, with a text twin, and without the target's name."""
    script = load_script()
    assert sorted(path.name for path in PICTURES.glob("*.svg")) == [step.picture for step in script.steps]
    for step in script.steps:
        text = (PICTURES / step.picture).read_text()
        assert len(text) < 60_000
        assert "<desc" in text
        assert not [click.target for click in step.clicks if click.target and click.target in text]


def test_the_page_says_what_the_script_says() -> None:
    """docs/demo/README.md is what a rehearsal writes."""
    assert (PICTURES / "README.md").read_text() == as_page(load_script())
