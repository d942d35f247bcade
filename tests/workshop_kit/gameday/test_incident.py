"""An incident on the live stack: several signals show it, the first reaction does not help, nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.workshop_kit.gameday import cells
from workshop_kit import gameday
from workshop_kit.display.live import Screens
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint, game_records
from workshop_kit.exercises.checks import gameday as check
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.result import Verdict
from workshop_kit.faults.journal import Journal
from workshop_kit.gameday import incident as incidents
from workshop_kit.gameday.incident import Incident
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(300)]

GIVEAWAYS = ("game", "incident", "monday", "stale", "rotat", 'fault":', "injected")
FEWEST_SIGNALS = 2


@pytest.fixture(scope="module")
def lesson(workspace: Workspace, stack: Stack) -> Lesson:
    """The handle of a notebook, over the tests' stack; the participant's folder is solved."""
    stack.up()
    exercise_service = ExerciseService.of(workspace, lambda: stack)
    checkpoint.arrange(exercise_service, "05_game_day")
    return Lesson(
        "05_game_day", workspace, exercise_service.progress, stack, exercise_service, True, Screens(headless=True)
    )


@pytest.fixture(scope="module")
def image(lesson: Lesson) -> Any:
    """What the lesson's first cell builds."""
    return lesson.client.images.build(path=str(lesson.folder), tag="my-service:5")[0]


@contextmanager
def opened(lesson: Lesson, image: Any, day: str, seed: int) -> Iterator[Incident]:
    """An incident that is gone with the block."""
    incident = gameday.start(lesson, image, day, seed=seed)
    try:
        yield incident
    finally:
        incident.stop()


def containers_of(stack: Stack) -> set[str]:
    """The containers of this session that do not belong to the stack."""
    labels = {"label": [f"{SESSION}={stack.session.identity.session}", "workshop.scope=kernel"]}
    found = stack.session.engine.client.containers.list(all=True, filters=labels, ignore_removed=True)
    return {str(container.name) for container in found}


def test_the_first_reaction_does_not_help(lesson: Lesson, image: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers suffer, several signals show it, none shows the cause, and the starter fails."""
    monkeypatch.setattr(incidents, "JUDGE_SECONDS", 1.0)
    session = lesson.stack.session
    with opened(lesson, image, "monday", seed=1) as incident:
        assert incident.record.reference == ""
        assert incident.shop.running["production"].container.image.id == image.id
        incident.wait()
        assert incident.first_symptom() is not None, "nobody suffers"
        assert Journal(session).entries() == []
        assert_nothing_gives_it_away(incident)
        value = cells.starter("gameday.monday", {"monday": incident})
        record = game_records.find(session, value["incident"])
        assert record is not None
        assert check.judge(record).verdict is Verdict.WRONG
        assert record.injected is not None
        shown = incident.shows()
        assert len([moment for moment in shown.values() if moment]) >= FEWEST_SIGNALS, shown
        assert shown["metrics"] is not None, "customers are turned away, and the metrics do not show it"
        assert "customers served until then" in incident.card().text
    assert containers_of(lesson.stack) == set()


def assert_nothing_gives_it_away(incident: Incident) -> None:
    """No label, variable, setting or log line names the cause."""
    for running in incident.shop.running.values():
        seen = running.inspect()["Config"]
        told = json.dumps([seen["Labels"], seen["Env"], running.container.logs().decode()]).lower()
        assert [word for word in GIVEAWAYS if word in told] == []
    assert [
        word for word in GIVEAWAYS if word in incident.compare(*incident.releases()["release"]).to_string().lower()
    ] == []


def test_a_new_one_ends_the_one_before(lesson: Lesson, image: Any) -> None:
    """Running the cell again leaves one shop; a release that does not start changes nothing; stopping removes it."""
    first = gameday.start(lesson, image, "tuesday", seed=1)
    second = gameday.start(lesson, image, "wednesday", seed=1)
    assert first._stop.is_set()
    running = {one.name for one in (*second.shop.running.values(), *second.shop.gateways.proxies.values())}
    assert running <= containers_of(lesson.stack)
    before = dict(second.shop.running)
    with pytest.raises(WorkshopError) as error:
        second.deploy("production", LOG_LEVEL="loud")
    assert "LOG_LEVEL" in (error.value.output or "")
    assert second.shop.running.keys() == before.keys()
    assert second.shop.url("production") is not None
    lesson.screens.stop()
    assert containers_of(lesson.stack) == set()
