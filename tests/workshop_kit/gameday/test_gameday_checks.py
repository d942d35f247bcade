"""The exercises of game day on recorded incidents: starters fail, solutions pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.exercises.check_runner import failed_meanings
from tests.workshop_kit.gameday import recorded
from workshop_kit.checks import check_of
from workshop_kit.engine import control
from workshop_kit.engine.control import Control
from workshop_kit.gameday import customer_watch
from workshop_kit.gameday import incident as incidents
from workshop_kit.gameday.causes import CAUSES
from workshop_kit.trials import game_records
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import exercise_list

QUICK = Control(0.4)
SLOW = Control(9.3)
SEEDS = (1, 2, 3)
"""Together they draw each variant of a cause."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for recorded customers; the machine is quick."""
    monkeypatch.setattr(customer_watch, "WATCH_SECONDS", 0.0)
    monkeypatch.setattr(incidents, "JUDGE_SECONDS", 0.0)
    monkeypatch.setattr(control, "measure", lambda _session: QUICK)


def checked(root: Path, folder: Path, day: str, value: Any) -> Result:
    """The check's result for a value that a cell hands in."""
    exercise = exercise_list.find(exercise_list.load(root), f"gameday.{day}")
    context = Context(exercise, recorded.incident(folder, day).lesson.stack, 1, answer={"value": value})
    return check_of(exercise.id)(context)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("day", CAUSES)
def test_a_starter_does_not_pass_and_the_right_answer_does(root: Path, tmp_path: Path, day: str, seed: int) -> None:
    """After the first reaction customers still suffer; the solution serves them again and explains the cause."""
    incident = recorded.incident(tmp_path, day, seed)
    begun = checked(root, tmp_path, day, recorded.starter(f"gameday.{day}", {day: incident}))
    assert begun.verdict is Verdict.WRONG
    assert incident.record.symptom in failed_meanings(begun.findings)
    solved = checked(root, tmp_path, day, recorded.solution(f"gameday.{day}", {day: incident}))
    assert solved.verdict is Verdict.PASSED, solved
    record = incident.record
    assert record.injected is not None
    assert record.injected <= (record.first_symptom or record.injected) <= (record.fixed or record.injected)


def test_served_customers_do_not_pass_without_a_debrief(root: Path, tmp_path: Path) -> None:
    """The debrief must explain the cause."""
    incident = recorded.incident(tmp_path, "monday")
    incident.deploy(release=40)
    judged = checked(root, tmp_path, "monday", incident.debrief(what="a secret", since="?", how="", considered=""))
    assert judged.verdict is Verdict.WRONG
    (wrong,) = [finding for finding in judged.findings if not finding.passed]
    assert "Since when? How do you know?" in wrong.got


def test_an_incident_of_another_day_or_of_none_does_not_pass(root: Path, tmp_path: Path) -> None:
    """The sentence says which incident belongs to the exercise."""
    incident = recorded.incident(tmp_path, "wednesday")
    handed_in = recorded.starter("gameday.wednesday", {"wednesday": incident})
    for value in (handed_in, {"incident": "unknown"}):
        judged = checked(root, tmp_path, "monday", value)
        assert judged.verdict is Verdict.WRONG
        assert "was not monday" in judged.summary


def test_a_check_says_when_the_customers_were_watched(root: Path, tmp_path: Path) -> None:
    """It judges what the debrief has seen: a check after the shop was stopped does not look like a new measurement."""
    incident = recorded.incident(tmp_path, "monday")
    handed_in = recorded.starter("gameday.monday", {"monday": incident})
    incident.stop()
    judged = checked(root, tmp_path, "monday", handed_in)
    assert f"watched at {incident.record.watched_at:%H:%M:%S} UTC. The shop was stopped at " in judged.findings[1].got


def test_an_incident_at_which_nobody_has_looked_is_not_over(root: Path, tmp_path: Path) -> None:
    """Without a debrief nobody has watched the customers."""
    record = recorded.incident(tmp_path, "monday").record
    game_records.write(tmp_path, record)
    judged = checked(root, tmp_path, "monday", {"incident": record.id})
    assert judged.summary == "Nobody has looked yet whether it is over."


@pytest.mark.parametrize(
    ("day", "side", "verdict"),
    [
        ("monday", recorded.starter, Verdict.NOT_JUDGED),
        ("monday", recorded.solution, Verdict.PASSED),
        ("thursday", recorded.starter, Verdict.WRONG),  # memory grows whatever else runs
    ],
)
def test_late_customers_say_nothing_on_a_slow_machine(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: str, side: Any, verdict: Verdict
) -> None:
    """Only what a slow machine would explain is not judged there."""
    monkeypatch.setattr(control, "measure", lambda _session: SLOW)
    judged = checked(root, tmp_path, day, side(f"gameday.{day}", {day: recorded.incident(tmp_path, day)}))
    assert judged.verdict is verdict
    if verdict is Verdict.NOT_JUDGED:
        assert str(SLOW) in judged.summary


def test_nothing_follows_if_customers_were_not_served_before_either(root: Path, tmp_path: Path) -> None:
    """A wrong repair is judged only if they were served before the cause."""
    incident = recorded.incident(tmp_path, "monday")
    incident.record = replace(incident.record, before_percent=55.0)
    judged = checked(root, tmp_path, "monday", recorded.starter("gameday.monday", {"monday": incident}))
    assert judged.verdict is Verdict.NOT_JUDGED
    assert "before the cause only 55 % were served in time" in judged.summary
