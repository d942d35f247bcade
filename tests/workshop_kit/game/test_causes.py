"""The causes, as far as they can be looked at without an engine: seeds, the module that leaks, the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workshop_kit import game
from workshop_kit.errors import WorkshopError
from workshop_kit.game import causes
from workshop_kit.game.jigsaw import ROLES
from workshop_kit.learn.exercise import game_records, registry
from workshop_kit.learn.exercise.checks import gameday
from workshop_kit.learn.exercise.game_records import QUESTIONS, Record
from workshop_kit.learn.exercise.result import Verdict

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MENDED = Record(
    "a1", "monday", 1, NOON, NOON, NOON, NOON, NOON + timedelta(seconds=9), "", dict.fromkeys(QUESTIONS, "so it was")
)


def test_every_day_is_an_exercise_and_every_exercise_a_day(root: Path) -> None:
    """Five of them, of which two are for everybody."""
    exercises = [one for one in registry.load(root) if one.lesson == "05_game_day"]
    assert {one.id for one in exercises} == {f"gameday.{day}" for day in game.CAUSES}
    assert tuple(game.CAUSES) == gameday.DAYS
    assert sum(one.weight == "core" for one in exercises) == 2


def test_the_module_that_leaks_is_the_service_s_own_and_one_line(root: Path) -> None:
    """It stands for a change that a review let pass; where the module looks otherwise, it is said so."""
    source = (root / causes.ORDERS).read_text()
    leaking = causes.leaking(source, 1.5)
    compile(leaking, causes.ORDERS, "exec")
    added = [line for line in leaking.splitlines() if line not in source.splitlines()]
    assert len(added) == 2
    assert "1572864" in leaking
    with pytest.raises(WorkshopError, match="is not as this incident knows it"):
        causes.leaking(leaking.replace("_remember", "_forget"), 1.5)


def test_it_passes_for_customers_and_neighbors() -> None:
    """All are served, and the sheet is written."""
    assert gameday.judged(MENDED).ruling is Verdict.PASSED


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"symptom": "3 of 36 customers of production were not served, or too late.", "fixed": None}, "3 of 36"),
        ({"fixed": None}, "Nobody has looked yet"),
        ({"debrief": {}}, "nobody knows why"),
        ({"debrief": {**MENDED.debrief, "how": "?"}}, "nobody knows why"),
    ],
)
def test_it_does_not_pass_as_long_as(changes: dict[str, object], says: str) -> None:
    """Somebody suffers, or nobody can say what it was."""
    judged = gameday.judged(replace(MENDED, **changes))  # type: ignore[arg-type]
    assert judged.ruling is Verdict.WRONG
    assert says in judged.summary


def test_records_are_kept_and_the_newest_of_one_incident_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come back as they went in, times and all; a line that is none is passed over."""
    monkeypatch.setattr(game_records, "_path", lambda _: tmp_path / "gameday.jsonl")
    session: object = None
    game_records.write(session, replace(MENDED, symptom="still", fixed=None))  # type: ignore[arg-type]
    with (tmp_path / "gameday.jsonl").open("a") as file:
        file.write("no json\n[]\n{}\n")
    game_records.write(session, MENDED)  # type: ignore[arg-type]
    assert game_records.every(session) == [MENDED]  # type: ignore[arg-type]
    assert game_records.find(session, "a1") == MENDED  # type: ignore[arg-type]
    assert game_records.find(session, "a2") is None  # type: ignore[arg-type]
    assert (MENDED.to_detect_seconds, MENDED.to_repair_seconds) == (0, 9)


def test_the_cards_are_one_for_each_and_a_sheet() -> None:
    """Three people, three cards, each with its switch; and the questions for all of them."""
    cards = game.jigsaw()
    for name in ROLES:
        assert f'incident.see("{name}")' in cards.text
    assert all(question in cards.html for question in QUESTIONS.values())
    assert cards.html.count("<section>") == 4
